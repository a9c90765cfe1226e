using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Causeway.Benchmarks.Load;

namespace Causeway.Benchmarks.Harness;

/// <summary>Two processes that form a tunnel toward a target, perhaps with an emulated link between them.</summary>
internal sealed class RunningTunnel : IDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(20);

    private readonly Contender _contender;
    private readonly Child _server;
    private readonly Child _client;

    private RunningTunnel(Contender contender, Child server, Child client, IPEndPoint entrance)
    {
        _contender = contender;
        _server = server;
        _client = client;
        Entrance = entrance;
    }

    /// <summary>Where connections enter.</summary>
    public IPEndPoint Entrance { get; }

    /// <summary>CPU seconds that both ends have used.</summary>
    public double CpuSeconds => _client.CpuSeconds + _server.CpuSeconds;

    /// <summary>The most memory that each had, added up, in MB.</summary>
    public double PeakMegabytes => _client.PeakMegabytes + _server.PeakMegabytes;

    /// <summary>Resident memory of both, in MB.</summary>
    public double ResidentMegabytes => _client.ResidentMegabytes + _server.ResidentMegabytes;

    /// <summary>Proportional memory of both, in MB.</summary>
    public double ProportionalMegabytes => _client.ProportionalMegabytes + _server.ProportionalMegabytes;

    /// <summary>Starts both ends and returns when a message went through and back.</summary>
    /// <param name="contender">Whose programs.</param>
    /// <param name="settings">What both are told.</param>
    /// <param name="target">Where the server connects to.</param>
    /// <param name="link">Given the server's address, the one that the client shall use instead; null for the same.</param>
    /// <exception cref="UsageException">An end stopped, or nothing came through in time.</exception>
    public static RunningTunnel Start(
        Contender contender, TunnelSettings settings, IPEndPoint target, Func<IPEndPoint, IPEndPoint>? link = null)
    {
        IPEndPoint far = FreePort(SocketType.Dgram, ProtocolType.Udp);
        IPEndPoint entrance = FreePort(SocketType.Stream, ProtocolType.Tcp);
        IPEndPoint remote = link?.Invoke(far) ?? far;
        string[] common = [.. settings.Arguments, .. contender.Arguments];
        Child server = ChildProcesses.Start([.. contender.Server, "--listen", far.ToString(), "--target", target.ToString(), .. common]);
        Child client = ChildProcesses.Start(
            [.. contender.Client, "--localaddr", entrance.ToString(), "--remoteaddr", remote.ToString(), .. common, .. settings.MoreForClient]);
        RunningTunnel tunnel = new(contender, server, client, entrance);
        try
        {
            tunnel.WaitUntilReady();
            return tunnel;
        }
        catch
        {
            tunnel.Dispose();
            throw;
        }
    }

    /// <summary>Kills both.</summary>
    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private void WaitUntilReady()
    {
        long begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < s_startLimit)
        {
            foreach (Child end in (Child[])[_server, _client])
            {
                if (end.HasExited)
                {
                    throw new UsageException($"an end of {_contender.Name} stopped: {end.LastLine}");
                }
            }

            if (Echo.TryOnce(Entrance))
            {
                return;
            }

            Thread.Sleep(20);
        }

        throw new UsageException($"nothing came through {_contender.Name} within {s_startLimit.TotalSeconds} s");
    }

    private static IPEndPoint FreePort(SocketType type, ProtocolType protocol)
    {
        using Socket socket = new(AddressFamily.InterNetwork, type, protocol);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
