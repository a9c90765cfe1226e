using System.Diagnostics;
using System.Net.Sockets;
using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>One message there and back at a time on a tunnel that has nothing else to do.</summary>
/// <param name="Seconds">How long.</param>
/// <param name="Gap">Pause between an answer and the next message; it lets every thread fall asleep.</param>
internal sealed record LatencyMeasure(double Seconds, TimeSpan Gap) : IMeasure
{
    public const string Name = "latency";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(1);

    public int Connections => 2;

    public string[] ClientArguments => [];

    public Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel) =>
        Scenario.Of(Name, [.. tunnel, ("gap", $"{Gap.TotalMilliseconds:0}ms")]);

    public IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target)
    {
        List<double> milliseconds = [];
        try
        {
            using Echo echo = new(tunnel.Entrance, s_patience);
            long begun = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begun) < s_warmUp)
            {
                Require(echo.TryExchange());
            }

            begun = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds < Seconds)
            {
                long sent = Stopwatch.GetTimestamp();
                Require(echo.TryExchange());
                milliseconds.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
                if (Gap > TimeSpan.Zero)
                {
                    Thread.Sleep(Gap);
                }
            }
        }
        catch (SocketException error)
        {
            throw new MeasureException($"the connection broke: {error.Message}");
        }

        return
        [
            (Metrics.P50, Samples.Percentile(milliseconds, 50)),
            (Metrics.P90, Samples.Percentile(milliseconds, 90)),
            (Metrics.P99, Samples.Percentile(milliseconds, 99)),
        ];
    }

    private static void Require(bool came)
    {
        if (!came)
        {
            throw new MeasureException("a message did not come back as it was sent");
        }
    }
}
