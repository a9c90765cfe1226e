using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>BBR on simulated paths: its model, its states, and where it departs from the draft.</summary>
public sealed class BbrControllerTests
{
    private const int Rate = 20_000_000;
    private const int RoundTripMilliseconds = 40;

    // Of the rate, what is payload of full segments in datagrams with 24 + 28 bytes of headers.
    private const double PayloadRate = Rate * 1326.0 / 1378;

    [Fact]
    public void StartsWithTenSegmentsPacedByTheFirstRoundTrip()
    {
        BbrController bbr = new(1000);
        Assert.Equal((10_000L, BbrState.Startup, -1L), (bbr.Window, bbr.State, bbr.MinRttMicroseconds));
        Assert.Equal((long)(2.77 * 10_000 * 1000), bbr.PacingRate);
        bbr.OnAck(Ack(milliseconds: 100, rtt: 100_000, delivered: 1000));

        // Section 5.6.2: 2.77 initial windows a round trip, not the nominal millisecond any more.
        Assert.Equal((long)(2.77 * 10_000 * 10), bbr.PacingRate);
        Assert.Equal(11_000, bbr.Window);
        Assert.Equal(100_000, bbr.MinRttMicroseconds);
    }

    [Fact]
    public void FindsBandwidthAndRoundTripTimeAndThenKeepsTheQueueShort()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(3);
        Assert.InRange(path.Bbr.Bandwidth * 8, 0.98 * PayloadRate, 1.03 * PayloadRate);
        Assert.InRange(path.Bbr.MinRttMicroseconds, RoundTripMilliseconds * 1000, (RoundTripMilliseconds * 1000) + 1500);
        Assert.Equal(0, path.Bbr.RandomLoss);
        Assert.InRange(path.QueueMillisecondsAt(0.5), 0, 3);
        Assert.InRange(path.QueueMillisecondsAt(0.99), 0, 0.3 * RoundTripMilliseconds);
    }

    [Fact]
    public void GoesThroughTheStatesInTheDraftsOrder()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(12);
        BbrState[] first =
        [
            BbrState.Startup, BbrState.Drain, BbrState.ProbeBandwidthDown, BbrState.ProbeBandwidthCruise,
            BbrState.ProbeBandwidthRefill, BbrState.ProbeBandwidthUp, BbrState.ProbeBandwidthDown,
        ];
        Assert.Equal(first, path.States.Take(first.Length));
        for (int i = first.Length; i < path.States.Count; i++)
        {
            Assert.Contains(path.States[i], Successors(path.States[i - 1]));
        }
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.10)]
    public void LearnsWhatAPathLosesByNatureAndFillsItAllTheSame(double loss)
    {
        using Path path = new(new FaultModelOptions { Loss = loss });
        path.Run(10);
        Assert.InRange(path.Bbr.RandomLoss, loss * 0.4, loss * 1.6);
        Assert.InRange(path.Goodput(10), 0.9 * PayloadRate * (1 - loss), PayloadRate);

        // By the letter of the draft every loss is congestion.
        using Path strict = new(new FaultModelOptions { Loss = loss }, new BbrOptions { ToleratesRandomLoss = false });
        strict.Run(10);
        Assert.InRange(strict.Goodput(10), 0, 0.7 * path.Goodput(10));
    }

    [Theory]
    [InlineData(0.25)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    public void TakesTheLossesOfItsOwnOverflowsForNoNatureOfThePath(double queue)
    {
        using Path path = new(new FaultModelOptions(), queue: queue);
        path.Run(10);
        Assert.InRange(path.Bbr.RandomLoss, 0, 0.01);
        ArqStatistics statistics = path.Pair.First.Session.Statistics;
        Assert.InRange(statistics.FastRetransmits / (double)statistics.OutDataSegments, 0, 0.03);
    }

    /// <summary>
    /// Each of them measures the delay of a full queue as part of the path, until all pause together and see the path empty. What
    /// they lost in the meantime must not count as its nature, then or ever after.
    /// </summary>
    [Fact]
    public void TakesWhatAFullQueueOfOthersDropsForNoNatureOfThePath()
    {
        const int Flows = 8;
        const int FastRate = 40_000_000;
        const int Milliseconds = 50;
        FaultModelOptions link = new()
        {
            RateBitsPerSecond = FastRate,
            Delay = TimeSpan.FromMilliseconds(Milliseconds / 2.0),
            QueueBytes = FastRate / 8 / 1000 * Milliseconds,
        };
        FaultPlan plan = new() { Name = "Joining a full queue", Seed = 1, Forward = link, Backward = link };
        using SharedBottleneck bottleneck = new(plan);
        BbrController?[] controllers = new BbrController?[Flows];
        for (int i = 0; i < Flows; i++)
        {
            int index = i;
            bottleneck.Add(new FlowOptions
            {
                Name = $"flow {i}",
                Start = TimeSpan.FromMilliseconds(700 * i),
                SendJitter = TimeSpan.FromMicroseconds(276),
                Endpoint = new ArqEndpointOptions
                {
                    Arq = new ArqOptions { SendWindow = 20_000, ReceiveWindow = 20_000 },
                    Congestion = arq =>
                    {
                        BbrController bbr = new(arq.SegmentSize);
                        controllers[index] ??= bbr;
                        return bbr;
                    },
                },
            });
        }

        bottleneck.Run(TimeSpan.FromSeconds(15));
        FlowCounters[] before = [.. bottleneck.Flows.Select(static flow => flow.Counters)];
        bottleneck.Run(TimeSpan.FromSeconds(10));
        Assert.All(controllers, bbr => Assert.InRange(bbr!.RandomLoss, 0, 0.01));
        FlowCounters[] done = [.. bottleneck.Flows.Select((flow, index) => flow.Counters - before[index])];
        double again = done.Sum(static flow => flow.Retransmissions) / (double)done.Sum(static flow => flow.Segments);
        Assert.InRange(again, 0, 0.04);
    }

    [Fact]
    public void PausesBeforeItTakesLossesForNatureOnAPathThatNeverQueues()
    {
        using Path path = new(new FaultModelOptions { Loss = 0.05 }, queue: 0.1);
        path.Run(8);
        Assert.Contains(BbrState.ProbeRtt, path.States);
        Assert.InRange(path.Bbr.RandomLoss, 0.02, 0.12);
        Assert.InRange(path.Goodput(8), 0.7 * PayloadRate * 0.95, PayloadRate);
    }

    /// <summary>On these two, bursts of loss without a queue once cost a probe its result, and a tenth of the bandwidth.</summary>
    [Theory]
    [InlineData(5, 1.0)]
    [InlineData(6, 0.5)]
    public void BadLuckInAProbeIsNoFullPath(int seed, double queue)
    {
        FaultModelOptions link = new()
        {
            RateBitsPerSecond = 100_000_000,
            Delay = TimeSpan.FromMilliseconds(25),
            QueueBytes = (long)(queue * 625_000),
            BurstEnter = 0.01,
            BurstLeave = 0.25,
        };
        FaultPlan plan = new() { Name = "Bad luck", Seed = (ulong)seed, Forward = link, Backward = link };
        using SharedBottleneck bottleneck = new(plan, new PacketPool());
        Flow flow = bottleneck.Add(new FlowOptions
        {
            Name = "bulk",
            Endpoint = new ArqEndpointOptions
            {
                Arq = new ArqOptions { SendWindow = 65535, ReceiveWindow = 65535 },
                Congestion = static arq => new BbrController(arq.SegmentSize),
            },
        });
        bottleneck.Run(TimeSpan.FromSeconds(3));
        FlowCounters before = flow.Counters;
        bottleneck.Run(TimeSpan.FromSeconds(6));
        Assert.InRange((flow.Counters - before).Goodput / 1e6, 88, 93);
    }

    [Fact]
    public void TakesWhatAPolicerDropsForCongestion()
    {
        using Path path = new(new FaultModelOptions { PolicerBitsPerSecond = Rate / 2, PolicerBurstBytes = 30_000 });
        path.Run(4);
        ArqStatistics statistics = path.Pair.First.Session.Statistics;
        long sent = statistics.OutDataSegments;
        long again = statistics.FastRetransmits;
        path.Run(10);
        Assert.InRange((statistics.FastRetransmits - again) / (double)(statistics.OutDataSegments - sent), 0, 0.05);
    }

    [Fact]
    public void PausesToSeeALongerRoundTripAndBelievesIt()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(3);
        path.Delay = TimeSpan.FromMilliseconds(RoundTripMilliseconds);
        path.Run(16);
        Assert.Contains(BbrState.ProbeRtt, path.States);
        Assert.InRange(path.Bbr.MinRttMicroseconds, 1.9 * RoundTripMilliseconds * 1000, 2.3 * RoundTripMilliseconds * 1000);
    }

    [Fact]
    public void NeedsNoPauseWhereItsOwnCycleShowsTheEmptyPath()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(20);
        Assert.DoesNotContain(BbrState.ProbeRtt, path.States);
    }

    [Fact]
    public void FollowsABandwidthThatFallsAndOneThatRises()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(3);
        path.BitsPerSecond = Rate / 4;
        path.Run(8);
        Assert.InRange(path.Bbr.Bandwidth * 8, 0.9 * PayloadRate / 4, 1.15 * PayloadRate / 4);
        path.BitsPerSecond = Rate;
        path.Run(15);
        Assert.InRange(path.Bbr.Bandwidth * 8, 0.9 * PayloadRate, 1.1 * PayloadRate);
    }

    [Fact]
    public void BeginsAgainAfterPersistentCongestion()
    {
        using Path path = new(new FaultModelOptions());
        path.Run(3);
        path.Bbr.OnLoss(new LossEvent
        {
            Now = Timestamp.FromMilliseconds(10_000),
            Bytes = 1326,
            Segments = 1,
            PriorBytesInFlight = 1326,
            IsTimeout = true,
            IsPersistentCongestion = true,
            NewestSentAt = Timestamp.FromMilliseconds(9_000),
            SegmentSize = 1326,
            OutstandingSegments = 1,
            WindowSegments = 1000,
        });
        Assert.Equal((BbrState.Startup, 0L, 4L * 1326), (path.Bbr.State, path.Bbr.Bandwidth, path.Bbr.Window));
    }

    private static BbrState[] Successors(BbrState state) => state switch
    {
        BbrState.ProbeBandwidthDown => [BbrState.ProbeBandwidthCruise, BbrState.ProbeBandwidthRefill, BbrState.ProbeRtt],
        BbrState.ProbeBandwidthCruise => [BbrState.ProbeBandwidthRefill, BbrState.ProbeRtt],
        BbrState.ProbeBandwidthRefill => [BbrState.ProbeBandwidthUp, BbrState.ProbeBandwidthDown, BbrState.ProbeRtt],
        BbrState.ProbeBandwidthUp => [BbrState.ProbeBandwidthDown, BbrState.ProbeRtt],
        BbrState.ProbeRtt => [BbrState.ProbeBandwidthCruise],
        _ => [],
    };

    private static AckEvent Ack(long milliseconds, long rtt, long delivered) => new()
    {
        Now = Timestamp.FromMilliseconds(milliseconds),
        Bytes = delivered,
        Segments = 1,
        IsCumulativeAdvance = true,
        Delivered = delivered,
        Lost = 0,
        Rate = new RateSample
        {
            BytesPerSecond = delivered * 1_000_000 / rtt,
            PriorDelivered = 0,
            Delivered = delivered,
            InFlightAtSend = delivered,
            IntervalMicroseconds = rtt,
        },
        IsCongestionLimited = true,
        BytesInFlight = 0,
        RttMicroseconds = rtt,
        SmoothedRttMicroseconds = rtt,
        PeerWindowSegments = 1000,
        SegmentSize = 1000,
    };

    /// <summary>One bulk flow of BBR, watched every millisecond.</summary>
    private sealed class Path : IDisposable
    {
        private readonly List<double> _queue = [];

        public Path(FaultModelOptions faults, BbrOptions? options = null, double queue = 4)
        {
            FaultModelOptions link = faults with
            {
                RateBitsPerSecond = Rate,
                Delay = TimeSpan.FromMilliseconds(RoundTripMilliseconds / 2.0),
                QueueBytes = (long)(queue * Rate / 8 * RoundTripMilliseconds / 1000),
            };
            BbrController? made = null;
            ArqEndpointOptions endpoint = new()
            {
                Arq = new ArqOptions { SendWindow = 20_000, ReceiveWindow = 20_000 },
                Congestion = arq =>
                {
                    BbrController bbr = new(arq.SegmentSize, options);
                    made ??= bbr;
                    return bbr;
                },
            };
            FaultPlan plan = new() { Name = "Bbr", Seed = 1, Forward = link, Backward = link };
            Pair = new ArqPair(plan, endpoint, pool: new PacketPool());
            Bbr = made!;
            Pair.First.ToWrite = long.MaxValue;
            Pair.Second.ToWrite = 100;
        }

        public ArqPair Pair { get; }

        public BbrController Bbr { get; }

        public List<BbrState> States { get; } = [BbrState.Startup];

        public TimeSpan Delay
        {
            set
            {
                Pair.Forward.Link.Options = Pair.Forward.Link.Options with { Delay = value };
                Pair.Backward.Link.Options = Pair.Backward.Link.Options with { Delay = value };
            }
        }

        public long BitsPerSecond
        {
            set => Pair.Forward.Link.Options = Pair.Forward.Link.Options with { RateBitsPerSecond = value };
        }

        public void Run(int seconds)
        {
            for (int i = 0; i < seconds * 1000; i++)
            {
                Pair.Network.Run(TimeSpan.FromMilliseconds(1));
                if (Bbr.State != States[^1])
                {
                    States.Add(Bbr.State);
                }

                _queue.Add(Pair.Forward.Link.GetQueuedBytes(Pair.Network.Clock.Now) * 8000.0 / Rate);
            }
        }

        /// <summary>Bits of payload a second over so many seconds from the start.</summary>
        public double Goodput(int seconds) => Pair.Second.Read * 8.0 / seconds;

        /// <summary>Of the time after start-up.</summary>
        public double QueueMillisecondsAt(double quantile)
        {
            double[] steady = [.. _queue.Skip(1500).Order()];
            return steady[(int)(quantile * (steady.Length - 1))];
        }

        public void Dispose() => Pair.Dispose();
    }
}
