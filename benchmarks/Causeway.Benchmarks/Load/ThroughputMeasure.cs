using System.Diagnostics;
using System.Net.Sockets;
using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>Bulk transfer over a few connections: a warm-up, then a measured interval.</summary>
/// <param name="Streams">Connections at a time.</param>
/// <param name="Upload">From client to server; else the other way.</param>
/// <param name="Seconds">The measured interval.</param>
/// <param name="WarmUp">The time before the interval, in which code is compiled and windows reach their size.</param>
internal sealed record ThroughputMeasure(int Streams, bool Upload, double Seconds, TimeSpan WarmUp) : IMeasure
{
    public const string Name = "throughput";

    public int Connections => Streams + 1;

    public string[] ClientArguments => [];

    /// <summary>Called when the measured interval begins and when it ends, with the payload bytes so far.</summary>
    public Action<long>? Mark { get; init; }

    public Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel) =>
        Scenario.Of(Name, [.. tunnel, ("dir", Upload ? "up" : "down"), ("streams", Streams)]);

    public IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target)
    {
        List<Socket> sockets = [];
        List<Thread> threads = [];
        long drained = 0;
        try
        {
            for (int i = 0; i < Streams; i++)
            {
                Socket socket = TcpLoad.Connect(tunnel.Entrance);
                sockets.Add(socket);
                socket.Send([Upload ? TcpLoad.DrainRequest : TcpLoad.FloodRequest]);
                threads.Add(TcpLoad.Start(Upload ? () => TcpLoad.Flood(socket) : () => TcpLoad.Drain(socket, ref drained)));
            }

            long Received() => Upload ? target.Received : Interlocked.Read(ref drained);
            Thread.Sleep(WarmUp);
            double cpu = tunnel.CpuSeconds;
            long begun = Stopwatch.GetTimestamp();
            long bytes = Received();
            Mark?.Invoke(bytes);
            Thread.Sleep(TimeSpan.FromSeconds(Seconds));
            double elapsed = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            long end = Received();
            Mark?.Invoke(end);
            bytes = end - bytes;
            cpu = tunnel.CpuSeconds - cpu;
            return bytes > 0
                ? [(Metrics.Throughput, bytes * 8 / 1e6 / elapsed), (Metrics.Cpu, cpu / (bytes / 1e9)), (Metrics.PeakMemory, tunnel.PeakMegabytes)]
                : throw new MeasureException("no byte came through");
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
            threads.ForEach(static thread => thread.Join());
        }
    }
}
