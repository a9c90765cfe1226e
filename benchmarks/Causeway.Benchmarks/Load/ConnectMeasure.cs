using System.Diagnostics;
using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>New connections per second, each with one message there and back, a few under way at a time.</summary>
internal sealed record ConnectMeasure(int Concurrency, double Seconds, TimeSpan WarmUp) : IMeasure
{
    public const string Name = "connect";

    // What the tunnel has not closed yet keeps a thread of the target.
    public int Connections => Concurrency * 16;

    public string[] ClientArguments => [];

    public Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel) =>
        Scenario.Of(Name, [.. tunnel, ("concurrency", Concurrency)]);

    public IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target)
    {
        long good = 0;
        long failed = 0;
        bool stop = false;
        Thread[] threads = new Thread[Concurrency];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = TcpLoad.Start(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    Interlocked.Increment(ref Echo.TryOnce(tunnel.Entrance) ? ref good : ref failed);
                }
            });
        }

        Thread.Sleep(WarmUp);
        long begun = Stopwatch.GetTimestamp();
        long before = Interlocked.Read(ref good);
        Thread.Sleep(TimeSpan.FromSeconds(Seconds));
        double rate = (Interlocked.Read(ref good) - before) / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Volatile.Write(ref stop, true);
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        return [(Metrics.Connections, rate), (Metrics.Failures, failed), (Metrics.PeakMemory, tunnel.PeakMegabytes)];
    }
}
