using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>
/// Messages at a fixed rate, whatever the answers do. A latency counts from when its message was due, so that a stall is seen
/// by every message that it delays.
/// </summary>
internal sealed record PacedRequestsMeasure(double PerSecond, double Seconds) : IMeasure
{
    public const string Name = "requests";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    public int Connections => 2;

    public string[] ClientArguments => [];

    public Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel) =>
        Scenario.Of(Name, [.. tunnel, ("rps", PerSecond)]);

    public IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target)
    {
        int count = Math.Max(1, (int)(PerSecond * Seconds));
        double[] milliseconds = new double[count];
        int answered = 0;
        using Socket socket = TcpLoad.Connect(tunnel.Entrance);
        socket.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
        socket.Send([TcpLoad.EchoRequest]);
        long begun = Stopwatch.GetTimestamp();
        TimeSpan Due(int index) => TimeSpan.FromSeconds((index + 1) / PerSecond);
        Thread reader = TcpLoad.Start(() =>
        {
            byte[] answer = new byte[TcpLoad.MessageSize];
            for (int i = 0; i < count && TcpLoad.ReceiveAll(socket, answer); i++)
            {
                int index = BinaryPrimitives.ReadInt32LittleEndian(answer);
                milliseconds[index] = (Stopwatch.GetElapsedTime(begun) - Due(index)).TotalMilliseconds;
                answered++;
            }
        });
        try
        {
            byte[] message = new byte[TcpLoad.MessageSize];
            for (int i = 0; i < count; i++)
            {
                if (Due(i) - Stopwatch.GetElapsedTime(begun) is { Ticks: > 0 } wait)
                {
                    Thread.Sleep(wait);
                }

                BinaryPrimitives.WriteInt32LittleEndian(message, i);
                socket.Send(message);
            }
        }
        catch (SocketException error)
        {
            throw new MeasureException($"the connection broke: {error.Message}");
        }

        reader.Join();
        return answered == count
            ?
            [
                (Metrics.P50, Samples.Percentile(milliseconds, 50)),
                (Metrics.P90, Samples.Percentile(milliseconds, 90)),
                (Metrics.P99, Samples.Percentile(milliseconds, 99)),
                (Metrics.P999, Samples.Percentile(milliseconds, 99.9)),
            ]
            : throw new MeasureException($"{count - answered} of {count} messages did not come back");
    }
}
