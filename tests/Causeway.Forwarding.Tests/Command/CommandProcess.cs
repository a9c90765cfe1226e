using System.Diagnostics;
using System.Net.Sockets;
using Causeway.PortForwarder;

namespace Causeway.Forwarding.Tests.Command;

/// <summary>The command as a process of its own, started by a shell, so that it can be given strange streams and limits.</summary>
internal sealed class CommandProcess : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly List<string> _lines = [];

    /// <summary>Starts it.</summary>
    /// <param name="arguments">The command's arguments.</param>
    /// <param name="before">Shell commands that run first, such as <c>ulimit -n 256;</c>.</param>
    /// <param name="redirections">Redirections of the shell, such as <c>2&gt;&amp;-</c>.</param>
    /// <param name="reads">Whether what it writes is read; if not, its pipes fill.</param>
    public CommandProcess(IEnumerable<string> arguments, string before = "", string redirections = "", bool reads = true)
    {
        string program = Path.Combine(Path.GetDirectoryName(typeof(CommandLine).Assembly.Location)!, "causeway-cli");
        ProcessStartInfo start = new("/bin/sh") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])["-c", $"{before} exec \"$0\" \"$@\" {redirections}", program, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        _process = Process.Start(start)!;
        if (reads)
        {
            _process.ErrorDataReceived += OnLine;
            _process.OutputDataReceived += OnLine;
            _process.BeginErrorReadLine();
            _process.BeginOutputReadLine();
        }
    }

    public int Id => _process.Id;

    /// <summary>What it wrote.</summary>
    public string Log
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>Waits until something that can be looked at is so; the limit only keeps a broken test from hanging.</summary>
    public async Task WaitUntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(s_limit);
        while (!condition())
        {
            Assert.False(_process.HasExited, Log);
            await Task.Delay(20, limit.Token);
        }
    }

    /// <summary>Connects to the socket that it listens on, as soon as it does.</summary>
    public async Task<Socket> ConnectAsync(ForwardEndPoint address)
    {
        Socket? socket = null;
        await WaitUntilAsync(() =>
        {
            Socket attempt = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                attempt.Connect(address.EndPoint);
                socket = attempt;
                return true;
            }
            catch (SocketException)
            {
                attempt.Dispose();
                return false;
            }
        });
        return socket!;
    }

    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-s", name, $"{_process.Id}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().Guarded();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void OnLine(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is not null)
        {
            lock (_lines)
            {
                _lines.Add(e.Data);
            }
        }
    }
}

/// <summary>A theory about processes under a Unix shell; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ShellTheoryAttribute : TheoryAttribute
{
    public ShellTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "needs a Unix shell" : null;
}

/// <summary>A fact about processes under a Unix shell; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ShellFactAttribute : FactAttribute
{
    public ShellFactAttribute() => Skip = OperatingSystem.IsWindows() ? "needs a Unix shell" : null;
}
