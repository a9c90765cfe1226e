using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Two sessions and the network between them: what must hold whatever the network does.</summary>
public sealed class ArqTransferTests
{
    private const int RandomPlans = 80;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    public static TheoryData<string> PlanNames => new(FaultPlans.All.Select(plan => plan.Name));

    private static readonly string[] s_modes = ["normal", "fast", "fast2", "fast3", "manual"];

    public static TheoryData<string> ModeNames => new(s_modes);

    [Theory]
    [MemberData(nameof(PlanNames))]
    public void EveryByteArrivesOverEveryNamedNetwork(string name)
    {
        using ArqPair pair = new(FaultPlans.Named(name));
        TransferResult result = pair.Transfer(300_000, 150_000, s_limit);
        Assert.True(result.IsComplete, pair.Network.Failure("A session gave up").Message);
        pair.Close();
    }

    [Fact]
    public void EveryByteArrivesOverRandomNetworksOrTheSessionSaysThatItGaveUp()
    {
        int failed = 0;
        for (ulong seed = 0; seed < RandomPlans; seed++)
        {
            SeededRandom random = new(seed);
            ArqEndpointOptions options = SimulatedModes.Named(s_modes[random.Next(s_modes.Length)]) with
            {
                BatchLimit = random.Chance(0.3) ? random.Between(1, 4) : 64,
            };
            using ArqPair pair = new(FaultPlans.Random(seed), options);
            TransferResult result = pair.Transfer(random.Between(1, 150_000), random.Between(0, 60_000), s_limit);
            failed += result.IsComplete ? 0 : 1;
            pair.Close();
        }

        // Some random networks are hopeless for longer than a dead link is waited for; most are not.
        Assert.InRange(failed, 0, RandomPlans / 10);
    }

    [Theory]
    [MemberData(nameof(ModeNames))]
    public void EveryModeTransfersOverABadNetwork(string mode)
    {
        FaultPlan plan = FaultPlans.Named("Lossy5");
        plan = plan with { Forward = plan.Forward with { Reorder = 0.05, Duplicate = 0.02 } };
        using ArqPair pair = new(plan, SimulatedModes.Named(mode));
        Assert.True(pair.Transfer(200_000, 200_000, s_limit).IsComplete);
        pair.Close();
    }

    [Theory]
    [InlineData("Bursts")]
    [InlineData("Reordering")]
    [InlineData("Corrupting")]
    [InlineData("Blackout1s")]
    public void SameSeedGivesTheSameRun(string name)
    {
        Assert.Equal(Run(3), Run(3));
        Assert.NotEqual(Run(3).Fingerprint, Run(4).Fingerprint);

        TransferResult Run(ulong seed)
        {
            using ArqPair pair = new(FaultPlans.Named(name, seed));
            return pair.Transfer(100_000, 100_000, s_limit);
        }
    }

    [Theory]
    [InlineData(1, 1, 1350)]
    [InlineData(1, 1024, 1350)]
    [InlineData(1024, 1, 1350)]
    [InlineData(8, 512, 200)]
    [InlineData(512, 8, 200)]
    [InlineData(2048, 33, 1350)]
    [InlineData(64, 64, 50)]
    public void UnequalWindowsAndSmallDatagramsWork(int sendWindow, int receiveWindow, int datagramSize)
    {
        ArqOptions first = new() { SendWindow = sendWindow, ReceiveWindow = 256, MaxDatagramSize = datagramSize };
        ArqOptions second = new() { SendWindow = 128, ReceiveWindow = receiveWindow, MaxDatagramSize = 1200 };
        using ArqPair pair = new(
            FaultPlans.Named("Lossy5"), new ArqEndpointOptions { Arq = first }, new ArqEndpointOptions { Arq = second });
        Assert.True(pair.Transfer(40_000, 40_000, s_limit).IsComplete);
        pair.Close();
    }

    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy20")]
    public void ReaderThatStopsHoldsTheSenderAndCanGoOn(string name)
    {
        ArqOptions options = new() { SendWindow = 64, ReceiveWindow = 64 };
        using ArqPair pair = new(FaultPlans.Named(name), new ArqEndpointOptions { Arq = options });
        pair.Network.Schedule(TimeSpan.FromMilliseconds(60), "reader stops", () => pair.Second.IsReading = false);
        pair.First.ToWrite = 1_000_000;
        pair.Network.Run(TimeSpan.FromMinutes(5));
        long read = pair.Second.Read;
        Assert.InRange(read, 1, 900_000);
        Assert.InRange(pair.Second.Session.ReceiveQueueLength, 1, 64);
        Assert.False(pair.HasFailed, "A reader that takes its time is not a dead link.");
        pair.Second.IsReading = true;
        Assert.True(pair.Transfer(0, 0, s_limit).IsComplete);
        pair.Close();
    }

    [Theory]
    [InlineData("Lossy5")]
    [InlineData("Bursts")]
    [InlineData("Reordering")]
    public void SequenceNumbersWrapInTheMiddleOfATransfer(string name)
    {
        const uint First = unchecked((uint)-100);
        const uint Second = int.MaxValue - 50;
        using ArqPair pair = new(FaultPlans.Named(name), Starting(First, Second), Starting(Second, First));
        Assert.True(pair.Transfer(500_000, 500_000, s_limit).IsComplete);
        Assert.InRange(pair.First.Session.SendNext, 100u, 1000u);
        Assert.InRange(pair.Second.Session.SendNext, int.MaxValue + 50u, int.MaxValue + 1000u);
        pair.Close();

        static ArqEndpointOptions Starting(uint send, uint receive) => new()
        {
            CreateSession = (options, congestion, pool) =>
                new ArqSession(options.ConversationId, options.Arq, congestion, pool, send, receive),
        };
    }

    [Fact]
    public void TimestampsWrapInTheMiddleOfATransfer()
    {
        // The clock of the first endpoint passes 2^32 microseconds after two seconds.
        using ArqPair pair = new(FaultPlans.Named("Modem"));
        TransferResult result = pair.Transfer(150_000, 0, s_limit);
        Assert.True(result.IsComplete);
        Assert.InRange(result.Elapsed, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(9));
        Assert.InRange(pair.First.Session.Statistics.SmoothedRtt, TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(2));
        pair.Close();
    }

    [Fact]
    public void SlowReaderSetsThePace()
    {
        ArqOptions options = new() { SendWindow = 32, ReceiveWindow = 32 };
        using ArqPair pair = new(FaultPlans.Named("Lossy1"), new ArqEndpointOptions { Arq = options });
        pair.Second.MaxReadPerTurn = 700;
        Tick();
        TransferResult result = pair.Transfer(200_000, 0, s_limit);
        Assert.True(result.IsComplete);
        pair.Close();

        // One more turn each 5 ms, besides those in which something arrives.
        void Tick() => pair.Network.Schedule(TimeSpan.FromMilliseconds(5), "tick", Tick);
    }

    [Fact]
    public void FlushThatIsInterruptedAfterEachDatagramLosesNothing()
    {
        using ArqPair pair = new(FaultPlans.Named("Lossy5"), new ArqEndpointOptions { BatchLimit = 1 });
        Assert.True(pair.Transfer(200_000, 200_000, s_limit).IsComplete);
        pair.Close();
    }

    [Fact]
    public void CleanNetworkNeedsNoRetransmission()
    {
        using ArqPair pair = new(FaultPlans.Named("Clean"), SimulatedModes.Named("fast3", window: 32));
        TransferResult result = pair.Transfer(1_000_000, 0, s_limit);
        ArqStatistics statistics = pair.First.Session.Statistics;
        Assert.Equal(
            (0, 0, 0, 0),
            (statistics.FastRetransmits, statistics.EarlyRetransmits, statistics.Timeouts, statistics.SpuriousRetransmits));
        Assert.InRange((double)result.WireBytes / result.PayloadBytes, 1.0, 1.05);
        pair.Close();
    }

    [Fact]
    public void NothingIsSentWhenThereIsNothingToSay()
    {
        using ArqPair pair = new(FaultPlans.Named("Lossy5"));
        Assert.True(pair.Transfer(50_000, 50_000, s_limit).IsComplete);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        long datagrams = pair.First.DatagramsSent + pair.Second.DatagramsSent;
        pair.Network.Drive(TimeSpan.FromHours(1));
        Assert.Equal(datagrams, pair.First.DatagramsSent + pair.Second.DatagramsSent);
        Assert.True(pair.Transfer(50_000, 50_000, s_limit).IsComplete);
        pair.Close();
    }

    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(0.0, 1.0)]
    [InlineData(1.0, 0.0)]
    public void DeadLinkIsReportedWithinItsTime(double forwardLoss, double backwardLoss)
    {
        FaultPlan plan = new()
        {
            Name = "Dead",
            Forward = new FaultModelOptions { Loss = forwardLoss, Delay = TimeSpan.FromMilliseconds(20) },
            Backward = new FaultModelOptions { Loss = backwardLoss, Delay = TimeSpan.FromMilliseconds(20) },
        };
        ArqOptions options = new() { DeadLinkTimeout = TimeSpan.FromSeconds(8) };
        using ArqPair pair = new(plan, new ArqEndpointOptions { Arq = options });
        TransferResult result = pair.Transfer(10_000, 0, TimeSpan.FromSeconds(9));
        Assert.False(result.IsComplete);
        Assert.NotNull(pair.First.Session.Failure);
        Assert.InRange(result.Elapsed, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(8.5));
        pair.Close();
    }

    [Fact]
    public void BlackoutLongerThanTheDeadLinkTimeoutEndsBothSessions()
    {
        FaultPlan plan = FaultPlans.Named("Clean") with
        {
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(100), Blackout = true }],
        };
        using ArqPair pair = new(plan);
        TransferResult result = pair.Transfer(5_000_000, 5_000_000, TimeSpan.FromSeconds(32));
        Assert.False(result.IsComplete);
        pair.Network.RunUntil(
            () => pair.First.Session.Failure is not null && pair.Second.Session.Failure is not null, TimeSpan.FromSeconds(32));
        pair.Close();
    }

    [Fact]
    public void FlippedBitsWithoutAChecksumNeverThrowOrLeak()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            FaultPlan plan = FaultPlans.Named("Lossy1", seed);
            using ArqPair pair = new(plan);
            DatagramInterceptor flip = FlipBits(new SeededRandom(seed));
            pair.Forward.OnDatagram = flip;
            pair.Backward.OnDatagram = flip;
            pair.First.ToWrite = 60_000;
            pair.Second.ToWrite = 60_000;
            pair.Network.Run(TimeSpan.FromMinutes(2));
            pair.Close();
        }

        static DatagramInterceptor FlipBits(SeededRandom random) => (_, datagram, _) =>
        {
            if (random.Chance(0.2))
            {
                datagram.Payload[random.Next(Math.Min(datagram.Length, 48))] ^= (byte)(1 << random.Next(8));
            }

            return DatagramVerdict.Pass;
        };
    }

    [Fact]
    public void MutatedDatagramsNeverThrowAndAreBounded()
    {
        List<byte[]> corpus = Capture();
        PacketPool pool = new(track: true);
        using ArqEndpoint victim = new(new ArqEndpointOptions(), pool, 1, 2);
        SimulatedNetwork network = new(1, pool);
        SimulatedHost host = network.Attach("victim", victim);
        victim.ToWrite = 1_000_000;
        FuzzOptions options = new() { MaxLength = 1500, Measure = () => pool.Outstanding, MeasureLimit = 6000 };
        Mutator.Run(
            corpus,
            count: 30_000,
            seed: 11,
            input =>
            {
                PacketBuffer datagram = pool.Rent();
                input.CopyTo(datagram.Append(input.Length));
                network.Clock.Advance(TimeSpan.FromMicroseconds(100));
                victim.Receive(datagram, host.Now);
                datagram.Release();
                victim.Turn(host.Now, host);
            },
            options);
        victim.Dispose();
        network.Clear();
        pool.ThrowIfOutstanding();

        static List<byte[]> Capture()
        {
            List<byte[]> datagrams = [];
            using ArqPair pair = new(FaultPlans.Named("Lossy5"));
            DatagramInterceptor record = (_, datagram, _) =>
            {
                datagrams.Add(datagram.Payload.ToArray());
                return DatagramVerdict.Pass;
            };
            pair.Forward.OnDatagram = record;
            pair.Backward.OnDatagram = record;
            pair.Transfer(20_000, 20_000, s_limit);
            return datagrams;
        }
    }
}
