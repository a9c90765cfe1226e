using System.Globalization;
using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>The controllers at work: two sessions and the network between them.</summary>
public sealed class ControllerTransferTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);
    private static readonly int s_segmentSize = new ArqOptions().SegmentSize;

    [Theory]
    [InlineData("cubic", 10, 50)]
    [InlineData("cubic", 20, 100)]
    [InlineData("newreno", 10, 50)]
    [InlineData("newreno", 20, 20)]
    public void ACleanLinkIsFilledAndItsOverflowsAreRecovered(string name, int megabits, int roundTrip)
    {
        // 15 s of the rate; the queue holds one round trip.
        using ArqPair pair = Pair(Plan(megabits, roundTrip), name);
        TransferResult result = pair.Transfer(megabits * 1_000_000L / 8 * 15, 0, s_limit);
        string report = Report(name, pair, result);
        Assert.True(result.IsComplete, report);

        // 94 % is what headers leave.
        Assert.True(result.Goodput > 0.88e6 * megabits, report);
        Assert.True(pair.Forward.Lost > 0, "The queue never overflowed: " + report);
        Assert.True(pair.Forward.Lost < pair.Forward.Sent * 0.02, report);
        Assert.True(pair.First.Session.Statistics.Timeouts < 10, report);
        pair.Close();
    }

    [Theory]
    [InlineData("cubic", "Lossy5")]
    [InlineData("cubic", "Bursts")]
    [InlineData("cubic", "Reordering")]
    [InlineData("cubic", "Blackout1s")]
    [InlineData("newreno", "Lossy5")]
    [InlineData("newreno", "Bursts")]
    [InlineData("newreno", "Reordering")]
    [InlineData("newreno", "Blackout1s")]
    public void EveryByteArrivesOverABadNetwork(string name, string network)
    {
        using ArqPair pair = Pair(FaultPlans.Named(network), name);
        TransferResult result = pair.Transfer(500_000, 250_000, s_limit);
        Assert.True(result.IsComplete, Report(name, pair, result));
        pair.Close();
    }

    [Fact]
    public void HyStartLosesLessInTheFirstSlowStartThanDoublingDoes()
    {
        // Four round trips of queue. With one, the rise shows too late to help: the least of a whole round has to rise.
        long doubling = LostInSlowStart(new NewRenoController(s_segmentSize));
        long withHyStart = LostInSlowStart(new NewRenoController(s_segmentSize, useHyStart: true));
        Assert.True(withHyStart * 3 < doubling, $"lost {withHyStart} with HyStart++ and {doubling} without");

        static long LostInSlowStart(NewRenoController controller)
        {
            FaultPlan plan = Plan(20, 100);
            plan = plan with { Forward = plan.Forward with { QueueBytes = 1_000_000 } };
            using ArqPair pair = Pair(plan, _ => controller, _ => new FixedController());
            pair.First.ToWrite = long.MaxValue;
            while (controller.IsSlowStart)
            {
                pair.Network.Run(TimeSpan.FromMilliseconds(10));
            }

            return pair.Forward.Lost;
        }
    }

    [Fact]
    public void ReorderingCostsCubicNoWindowForLong()
    {
        // One datagram in fifty comes 5 ms late. What is taken for lost is taken back.
        FaultPlan plan = Plan(20, 40);
        plan = plan with { Forward = plan.Forward with { Reorder = 0.02, ReorderGap = TimeSpan.FromMilliseconds(5) } };
        using ArqPair pair = Pair(plan, "cubic");
        TransferResult result = pair.Transfer(20_000_000, 0, s_limit);
        Assert.True(result.IsComplete && result.Goodput > 15e6, Report("cubic", pair, result));
        pair.Close();
    }

    private static FaultPlan Plan(int megabits, int roundTrip)
    {
        FaultModelOptions link = new()
        {
            RateBitsPerSecond = megabits * 1_000_000L,
            Delay = TimeSpan.FromMilliseconds(roundTrip / 2.0),
        };
        return new FaultPlan { Name = "Bulk", Seed = 1, Forward = link, Backward = link };
    }

    private static ArqPair Pair(FaultPlan plan, string name) =>
        Pair(plan, CongestionControllers.ByName(name), CongestionControllers.ByName(name));

    private static ArqPair Pair(
        FaultPlan plan, Func<int, CongestionController> first, Func<int, CongestionController> second) =>
        new(plan, Options(first), Options(second), new PacketPool(track: true, stackTraces: false));

    private static ArqEndpointOptions Options(Func<int, CongestionController> controller) => new()
    {
        Arq = new ArqOptions { SendWindow = 8192, ReceiveWindow = 8192, NoDelay = true, Interval = TimeSpan.FromMilliseconds(10) },
        Congestion = arq => controller(arq.SegmentSize),
    };

    private static string Report(string name, ArqPair pair, TransferResult result)
    {
        ArqStatistics s = pair.First.Session.Statistics;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {result}; sent {pair.Forward.Sent}, lost {pair.Forward.Lost}; fast {s.FastRetransmits}, early {s.EarlyRetransmits}, "
            + $"timeouts {s.Timeouts}, spurious {s.SpuriousRetransmits}");
    }
}
