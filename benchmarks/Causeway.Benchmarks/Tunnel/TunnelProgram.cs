using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Causeway.Benchmarks.Tunnel;

/// <summary>A pair of programs that take kcptun's flags.</summary>
internal sealed record TunnelProgram(string Name, string[] Client, string[] Server, string[] Settings)
{
    /// <summary>Starts both ends toward a target and waits until the client listens.</summary>
    public async Task<RunningTunnel> StartAsync(IPEndPoint target)
    {
        int udp = FreePort(SocketType.Dgram);
        int tcp = FreePort(SocketType.Stream);
        Process server = Start([.. Server, "--listen", $"127.0.0.1:{udp}", "--target", target.ToString(), .. Settings]);
        Process client = Start([.. Client, "--localaddr", $"127.0.0.1:{tcp}", "--remoteaddr", $"127.0.0.1:{udp}", .. Settings]);
        IPEndPoint entrance = new(IPAddress.Loopback, tcp);
        for (int attempt = 0; attempt < 200; attempt++)
        {
            using Socket probe = new(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await probe.ConnectAsync(entrance);
                return new RunningTunnel(client, server, entrance);
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }

        throw new InvalidOperationException($"{Name} did not begin to listen.");
    }

    private static Process Start(string[] command)
    {
        ProcessStartInfo info = new(command[0], command[1..])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(info) ?? throw new InvalidOperationException($"{command[0]} did not start.");
        process.ErrorDataReceived += static (_, _) => { };
        process.OutputDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    private static int FreePort(SocketType type)
    {
        using Socket socket = new(AddressFamily.InterNetwork, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}

/// <summary>Two processes that form a tunnel.</summary>
internal sealed class RunningTunnel(Process client, Process server, IPEndPoint entrance) : IDisposable
{
    public IPEndPoint Entrance => entrance;

    /// <summary>CPU seconds that both have used.</summary>
    public double CpuSeconds
    {
        get
        {
            client.Refresh();
            server.Refresh();
            return client.TotalProcessorTime.TotalSeconds + server.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>The most memory that each had, added up, in MB.</summary>
    public double PeakMegabytes => PeakOf(client) + PeakOf(server);

    public void Dispose()
    {
        foreach (Process process in (Process[])[client, server])
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }

    private static double PeakOf(Process process)
    {
        string? line = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(static l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
