using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Causeway.Benchmarks.Harness;

/// <summary>Starts programs, and kills those that still run when this one is told to end.</summary>
internal static class ChildProcesses
{
    private static readonly Lock s_lock = new();
    private static readonly List<Process> s_running = [];
    private static PosixSignalRegistration[]? s_signals;

    /// <summary>Starts a program whose output is thrown away, except for its last line.</summary>
    /// <exception cref="UsageException">It does not start.</exception>
    public static Child Start(string[] command)
    {
        s_signals ??= [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
            .Select(static signal => PosixSignalRegistration.Create(signal, static _ => KillAll()))];
        ProcessStartInfo info = new(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true };
        try
        {
            Process process = Process.Start(info) ?? throw new UsageException($"{command[0]} did not start");
            lock (s_lock)
            {
                s_running.Add(process);
            }

            return new Child(process);
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new UsageException($"{command[0]} did not start: {error.Message}");
        }
    }

    internal static void Kill(Process process)
    {
        lock (s_lock)
        {
            if (!s_running.Remove(process))
            {
                return;
            }
        }

        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static void KillAll()
    {
        Process[] running;
        lock (s_lock)
        {
            running = [.. s_running];
        }

        foreach (Process process in running)
        {
            Kill(process);
        }
    }
}

/// <summary>A program that runs. Its disposal kills it.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;
    private readonly int _id;
    private volatile string _lastLine = "";

    internal Child(Process process)
    {
        _process = process;
        _id = process.Id;
        process.ErrorDataReceived += Note;
        process.OutputDataReceived += Note;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    public bool HasExited => _process.HasExited;

    /// <summary>The last line that it wrote, which says why it ended if it did.</summary>
    public string LastLine => _lastLine;

    /// <summary>CPU time of all its threads so far.</summary>
    public double CpuSeconds
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>The most resident memory that it had, in MB.</summary>
    public double PeakMegabytes => ProcFile.Megabytes($"/proc/{_id}/status", "VmHWM:");

    /// <summary>Resident memory, in MB.</summary>
    public double ResidentMegabytes => ProcFile.Megabytes($"/proc/{_id}/smaps_rollup", "Rss:");

    /// <summary>Resident memory with each shared page counted as the share of one process, in MB.</summary>
    public double ProportionalMegabytes => ProcFile.Megabytes($"/proc/{_id}/smaps_rollup", "Pss:");

    public void Dispose() => ChildProcesses.Kill(_process);

    private void Note(object sender, DataReceivedEventArgs line)
    {
        if (!string.IsNullOrWhiteSpace(line.Data))
        {
            _lastLine = line.Data.Trim();
        }
    }
}
