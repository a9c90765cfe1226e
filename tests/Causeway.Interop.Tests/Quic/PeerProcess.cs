using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Interop.Tests.Quic;

/// <summary>A program of somebody else's QUIC, which is killed at the latest when it is disposed.</summary>
internal sealed class PeerProcess : IDisposable
{
    private const int KeptLines = 60;

    private readonly Process _process;
    private readonly Queue<string> _lines = new();

    public PeerProcess(string program, IEnumerable<string> arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process.ErrorDataReceived += OnLine;
        _process.OutputDataReceived += OnLine;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>The last lines that it printed, for a failure's message.</summary>
    public string LastLines
    {
        get
        {
            lock (_lines)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>A UDP port that was free a moment ago, for programs that cannot take one by themselves and tell it.</summary>
    public static int FreePort(IPAddress address)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Waits until a line was printed that contains the text, and returns it.</summary>
    public async Task<string> WaitForLineAsync(string text, CancellationToken limit)
    {
        while (true)
        {
            lock (_lines)
            {
                if (_lines.FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal)) is { } found)
                {
                    return found;
                }
            }

            await PauseAsync(limit);
        }
    }

    /// <summary>Waits until somebody has bound a UDP port: a quiet server prints nothing, and trying to bind it might get in its way.</summary>
    public async Task WaitForPortAsync(int port, CancellationToken limit)
    {
        string hexadecimal = string.Create(CultureInfo.InvariantCulture, $":{port:X4} ");
        while (!File.ReadAllText("/proc/net/udp").Contains(hexadecimal, StringComparison.Ordinal)
            && !File.ReadAllText("/proc/net/udp6").Contains(hexadecimal, StringComparison.Ordinal))
        {
            await PauseAsync(limit);
        }
    }

    public Task WaitForExitAsync(CancellationToken limit) => _process.WaitForExitAsync(limit);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private async Task PauseAsync(CancellationToken limit)
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"The peer ended, with code {_process.ExitCode}.");
        }

        await Task.Delay(10, limit);
    }

    private void OnLine(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is not null)
        {
            lock (_lines)
            {
                _lines.Enqueue(e.Data);
                if (_lines.Count > KeptLines)
                {
                    _lines.Dequeue();
                }
            }
        }
    }
}
