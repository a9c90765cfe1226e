using Causeway.Protocol;
using Causeway.Quic.Tests.Simulation;
using Causeway.Testing;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Streams;

/// <summary>Readers that are slow or have stopped take little from the others, of rate and of time.</summary>
public sealed class SlowReaderTests(ITestOutputHelper output)
{
    private static readonly FaultModelOptions s_link = new()
    {
        RateBitsPerSecond = 50_000_000,
        Delay = TimeSpan.FromMilliseconds(10),
        QueueBytes = 125_000,
    };

    private static readonly Measure s_alone = Run(0, readFirst: 0, isSlow: false);

    public static TheoryData<int, int, bool> Readers
    {
        get
        {
            TheoryData<int, int, bool> readers = [];
            foreach (int count in (int[])[5, 20, 200, 1000])
            {
                // Those that never read, those that read for a while and stop, and those that read a little of it now and then.
                readers.Add(count, 0, false);
                readers.Add(count, 60_000_000 / count / 4, false);
                readers.Add(count, 0, true);
            }

            return readers;
        }
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void OthersKeepHalfOfTheirRateAndTwiceTheirDelay(int count, int readFirst, bool isSlow)
    {
        Measure beside = Run(count, readFirst, isSlow);
        output.WriteLine($"alone {s_alone}; beside {count} {beside}");
        Assert.True(2 * beside.Megabits >= s_alone.Megabits, $"{beside} instead of {s_alone}");
        Assert.True(beside.Milliseconds <= 2 * s_alone.Milliseconds, $"{beside} instead of {s_alone}");
    }

    private static Measure Run(int count, int readFirst, bool isSlow)
    {
        using QuicPair pair = new(new FaultPlan { Name = $"{count} slow readers", Forward = s_link, Backward = s_link });
        pair.Server.OnAccepted = stream => stream.IsReading = count == 0 || stream.Mux.Id / 4 >= count;
        pair.Connect();
        List<SessionStream> slow = [];
        for (int i = 0; i < count; i++)
        {
            slow.Add(pair.Open(1L << 30, 0));
        }

        pair.Network.Run(TimeSpan.FromSeconds(1));
        Pace(pair, slow, readFirst, isSlow);

        // Until the windows of those who do not read are full: before that they are no slow readers but streams like others.
        pair.Network.Run(TimeSpan.FromSeconds(Math.Min(isSlow ? 20 : 15, 1 + (count * (readFirst + 200_000.0) * 8 / 40e6))));

        SessionStream bulk = pair.Open(1L << 40, 0);
        SessionStream requests = pair.Open(200, 0);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Timestamp start = pair.Network.Clock.Now;
        SessionStream read = pair.Server.Streams[bulk.Mux.Id];
        SessionStream served = pair.Server.Streams[requests.Mux.Id];
        long before = read.Read;
        List<double> delays = [];
        for (int i = 2; i < 42; i++)
        {
            Timestamp sent = pair.Network.Clock.Now;
            requests.Write(200);
            pair.ClientHost.Wake();
            long expected = 200 * i;
            pair.RunUntil(() => served.Read >= expected, TimeSpan.FromSeconds(20));
            delays.Add((pair.Network.Clock.Now - sent).TotalMilliseconds);
            pair.Network.Run(TimeSpan.FromMilliseconds(30));
        }

        delays.Sort();
        double seconds = (pair.Network.Clock.Now - start).TotalSeconds;
        return new Measure((read.Read - before) * 8 / seconds / 1e6, delays[^3]);
    }

    private static void Pace(QuicPair pair, List<SessionStream> slow, int readFirst, bool isSlow)
    {
        int next = 0;
        Action? turn = null;
        turn = () =>
        {
            bool isAny = isSlow;
            for (int i = 0; i < (isSlow ? 10 : slow.Count) && slow.Count > 0; i++)
            {
                SessionStream stream = pair.Server.Streams[slow[next++ % slow.Count].Mux.Id];
                if (isSlow || stream.Read < readFirst)
                {
                    isAny = true;
                    while (stream.ReadOne() && !isSlow)
                    {
                    }
                }
            }

            pair.ServerHost.Wake();
            if (isAny)
            {
                pair.Network.Schedule(TimeSpan.FromMilliseconds(10), "read", turn!);
            }
        };
        turn();
    }

    private sealed record Measure(double Megabits, double Milliseconds)
    {
        public override string ToString() => $"{Megabits:F1} Mbit/s, {Milliseconds:F1} ms";
    }
}
