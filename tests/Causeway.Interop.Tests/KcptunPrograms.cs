using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Interop.Tests;

/// <summary>The real kcptun, as Debian packages it.</summary>
internal static class KcptunPrograms
{
    public const string Missing = "kcptun-client and kcptun-server are not on the PATH (Debian: apt-get install kcptun)";

    public static string? Client { get; } = Locate("kcptun-client");

    public static string? Server { get; } = Locate("kcptun-server");

    public static bool AreInstalled => Client is not null && Server is not null;

    private static string? Locate(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists);
}

/// <summary>A fact about the real kcptun; skipped, with the reason, where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KcptunFactAttribute : FactAttribute
{
    public KcptunFactAttribute() => Skip = KcptunPrograms.AreInstalled ? null : KcptunPrograms.Missing;
}

/// <summary>A theory about the real kcptun; skipped, with the reason, where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KcptunTheoryAttribute : TheoryAttribute
{
    public KcptunTheoryAttribute() => Skip = KcptunPrograms.AreInstalled ? null : KcptunPrograms.Missing;
}

/// <summary>A running kcptun process.</summary>
internal sealed class KcptunProcess : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    public KcptunProcess(string program, IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        _process.ErrorDataReceived += OnLine;
        _process.OutputDataReceived += OnLine;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>What it logged, for a failure's message.</summary>
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

    /// <summary>A port that was free a moment ago: kcptun cannot take one by itself and tell it.</summary>
    public static int FreePort(SocketType type)
    {
        using Socket socket = new(
            AddressFamily.InterNetwork, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Waits for a line of the log; the limit only keeps a broken test from hanging.</summary>
    public async Task WaitForAsync(string text)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!Log.Contains(text, StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited, Log);
            await Task.Delay(20, limit.Token);
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
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
