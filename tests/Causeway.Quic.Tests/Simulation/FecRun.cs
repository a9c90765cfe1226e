using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Streams;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>One kind of traffic over one lossy link, with the FEC extension or without, measured in virtual time.</summary>
internal static class FecRun
{
    /// <summary>The losses that tables are made over.</summary>
    public static IReadOnlyList<(string Name, FaultModelOptions Faults)> Losses { get; } =
    [
        ("0", new FaultModelOptions()),
        ("1%", new FaultModelOptions { Loss = 0.01 }),
        ("5%", new FaultModelOptions { Loss = 0.05 }),
        ("10%", new FaultModelOptions { Loss = 0.10 }),
        ("20%", new FaultModelOptions { Loss = 0.20 }),

        // 3.8 percent in bursts of four datagrams on average.
        ("bursts", new FaultModelOptions { BurstEnter = 0.01, BurstLeave = 0.25 }),
    ];

    /// <summary>Requests and answers of 200 bytes, 50 in a second, each on a stream of its own; beside a bulk stream if wanted.</summary>
    public static FecResult Requests(FecCase one, int count, bool besideBulk = false)
    {
        const int Size = 200;
        TimeSpan interval = TimeSpan.FromMilliseconds(20);
        using QuicPair pair = NewPair(one);
        if (besideBulk)
        {
            pair.Open(1L << 40, 0);
        }

        // Until congestion control and the measure of losses know the path.
        pair.Network.Run(TimeSpan.FromSeconds(1));
        int warmUp = Math.Min(count, 500);
        List<(SessionStream Stream, Timestamp Start, int Index)> open = [];
        List<double> times = new(count);
        int sent = 0;
        Meter meter = default;
        Timestamp next = pair.Network.Clock.Now;
        Timestamp end = Timestamp.Never;
        pair.RunUntil(
            () =>
            {
                Timestamp now = pair.Network.Clock.Now;
                for (int i = open.Count - 1; i >= 0; i--)
                {
                    if (open[i].Stream.Read == Size)
                    {
                        if (open[i].Index >= warmUp)
                        {
                            times.Add(now.MicrosecondsSince(open[i].Start) / 1000.0);
                        }

                        pair.Forget(open[i].Stream);
                        open.RemoveAt(i);
                    }
                }

                return Fail(pair) || (sent == count + warmUp && (open.Count == 0 || now >= end));
            },
            () =>
            {
                if (sent == warmUp)
                {
                    meter = new Meter(pair);
                }

                if (sent < count + warmUp)
                {
                    open.Add((pair.Ask(Size, Size), pair.Network.Clock.Now, sent++));
                    next = next.Add(interval);
                    end = next.AddMicroseconds(60_000_000);
                    return next;
                }

                return Timestamp.Never;
            },
            next);
        times.Sort();
        FecResult result = meter.Result(pair, times, count - times.Count, 2.0 * Size * count);
        pair.Dispose();
        return result;
    }

    /// <summary>Datagrams of a size at an interval, one way.</summary>
    public static FecResult Datagrams(FecCase one, int count, int size, TimeSpan interval, TimeSpan? deadline = null, int burst = 1)
    {
        using QuicPair pair = NewPair(one);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        int warmUp = Math.Min(count, 1000);
        Dictionary<int, Timestamp> under = [];
        List<double> times = new(count);
        byte[] bytes = new byte[size];
        int sent = 0;
        int doubled = 0;
        Meter meter = default;
        Timestamp start = pair.Network.Clock.Now;
        Timestamp next = start;
        Timestamp end = Timestamp.Never;
        pair.RunUntil(
            () =>
            {
                Timestamp now = pair.Network.Clock.Now;
                while (pair.Server.Session!.TryReceiveDatagram(out PacketSlice slice))
                {
                    int index = BitConverter.ToInt32(slice.Span);
                    slice.Release();
                    if (!under.Remove(index, out Timestamp left))
                    {
                        doubled++;
                    }
                    else if (index >= warmUp)
                    {
                        times.Add(now.MicrosecondsSince(left) / 1000.0);
                    }
                }

                return Fail(pair) || (sent >= count + warmUp && now >= end);
            },
            () =>
            {
                if (sent == warmUp)
                {
                    meter = new Meter(pair);
                }

                if (sent >= count + warmUp)
                {
                    return Timestamp.Never;
                }

                Timestamp now = pair.ClientHost.Now;
                for (int i = 0; i < burst; i++)
                {
                    BitConverter.TryWriteBytes(bytes, sent);
                    under.Add(sent++, pair.Network.Clock.Now);
                    pair.Client.Session!.TrySendDatagram(bytes, deadline is { } limit ? now.Add(limit) : Timestamp.Never);
                }

                next = next.Add(interval);
                end = next.AddMicroseconds(2_000_000);
                return next;
            },
            next);
        times.Sort();
        FecResult result = meter.Result(pair, times, count - times.Count, (double)size * count) with { Doubled = doubled };
        pair.Dispose();
        return result;
    }

    /// <summary>One stream that fills the link; datagrams of 160 bytes, 50 in a second, beside it if wanted.</summary>
    public static FecResult Bulk(FecCase one, TimeSpan duration)
    {
        using QuicPair pair = NewPair(one);
        SessionStream stream = pair.Open(1L << 40, 0);
        pair.Network.Run(duration / 2);
        QuicStream reader = (QuicStream)pair.Server.Streams[stream.Mux.Id].Mux;
        long arrived = reader.Incoming.ReadyEnd + reader.Incoming.Waiting;
        Meter meter = new(pair);
        pair.Network.Run(duration);
        if (Fail(pair))
        {
            throw pair.Network.Failure(pair.Client.Violation ?? pair.Server.Violation ?? "A session failed");
        }

        long payload = reader.Incoming.ReadyEnd + reader.Incoming.Waiting - arrived;
        FecResult result = meter.Result(pair, [], 0, payload) with { Goodput = payload * 8 / duration.TotalSeconds / 1e6 };
        pair.Dispose();
        return result;
    }

    private static bool Fail(QuicPair pair) => pair.HasFailed || (pair.Client.Violation ?? pair.Server.Violation) is not null;

    private static QuicPair NewPair(FecCase one)
    {
        FaultModelOptions link = Losses.Single(loss => loss.Name == one.Loss).Faults with
        {
            RateBitsPerSecond = one.Rate * 1_000_000L,
            Delay = TimeSpan.FromMilliseconds(one.RoundTrip / 2.0),
            QueueBytes = one.Rate * 1_000_000L / 8 * one.RoundTrip / 1000,
        };
        FaultPlan plan = new() { Name = one.ToString(), Seed = one.Seed, Forward = link, Backward = link };
        QuicPeerOptions options = new() { Configure = s => s with { Fec = one.Fec, DatagramQueue = 4096, BidirectionalStreams = 4096 } };
        QuicPair pair = new(plan, options, pool: new PacketPool());
        pair.Connect();
        return pair;
    }

    /// <summary>Runs with something to be done at times that it names itself.</summary>
    private static void RunUntil(this QuicPair pair, Func<bool> condition, Func<Timestamp> act, Timestamp at)
    {
        bool isDue = false;
        Schedule(at);
        pair.RunUntil(
            () =>
            {
                if (isDue)
                {
                    isDue = false;
                    Timestamp next = act();
                    pair.ClientHost.Wake();
                    if (!next.IsNever)
                    {
                        Schedule(next);
                    }
                }

                return condition();
            },
            TimeSpan.FromHours(20));

        void Schedule(Timestamp when) => pair.Network.Schedule(
            TimeSpan.FromMicroseconds(Math.Max(0, when.MicrosecondsSince(pair.Network.Clock.Now))), "next", () => isDue = true);
    }

    private readonly struct Meter(QuicPair start)
    {
        private readonly long _bytes = Bytes(start);

        public FecResult Result(QuicPair pair, List<double> times, int lost, double payload) => new()
        {
            Times = times,
            Lost = lost,
            WirePerPayload = (Bytes(pair) - _bytes) / payload,
            Client = pair.Client.Session!.Statistics,
            Server = pair.Server.Session!.Statistics,
        };

        private static long Bytes(QuicPair pair) => pair.Forward.SentBytes + pair.Backward.SentBytes + (28 * (pair.Forward.Sent + pair.Backward.Sent));
    }
}

/// <summary>A link, and what is done about its losses.</summary>
internal sealed record FecCase
{
    /// <summary>Of <see cref="FecRun.Losses"/>.</summary>
    public required string Loss { get; init; }

    /// <summary>Mbit/s.</summary>
    public int Rate { get; init; } = 100;

    /// <summary>Milliseconds.</summary>
    public int RoundTrip { get; init; } = 40;

    public ulong Seed { get; init; } = 1;

    public QuicFecOptions Fec { get; init; } = new();
}

/// <summary>What a <see cref="FecRun"/> measured.</summary>
internal sealed record FecResult
{
    /// <summary>Milliseconds that each request or datagram took, in ascending order.</summary>
    public required List<double> Times { get; init; }

    /// <summary>Requests or datagrams that never arrived.</summary>
    public required int Lost { get; init; }

    /// <summary>Datagrams that arrived more than once.</summary>
    public int Doubled { get; init; }

    /// <summary>Mbit/s of new payload.</summary>
    public double Goodput { get; init; }

    /// <summary>Bytes on the wire, both ways, for each byte of payload.</summary>
    public required double WirePerPayload { get; init; }

    public required QuicStatistics Client { get; init; }

    public required QuicStatistics Server { get; init; }

    /// <summary>Several runs as one; the counters are those of the last.</summary>
    public static FecResult Sum(FecResult[] runs) => runs[^1] with
    {
        Times = [.. runs.SelectMany(static run => run.Times).Order()],
        Lost = runs.Sum(static run => run.Lost),
        Doubled = runs.Sum(static run => run.Doubled),
        Goodput = runs.Average(static run => run.Goodput),
        WirePerPayload = runs.Average(static run => run.WirePerPayload),
    };

    /// <summary>The share of all that were sent that was lost.</summary>
    public double LostShare => (double)Lost / (Lost + Times.Count);

    /// <summary>The share of all that were sent that arrived within a time.</summary>
    public double Within(double milliseconds) => (double)Times.Count(time => time <= milliseconds) / (Lost + Times.Count);

    /// <summary>A percentile of the times, in milliseconds; what never arrived counts as infinity.</summary>
    public double Percentile(double percent)
    {
        int index = (int)Math.Ceiling(percent / 100 * (Times.Count + Lost)) - 1;
        return index < Times.Count ? Times[index] : double.PositiveInfinity;
    }
}
