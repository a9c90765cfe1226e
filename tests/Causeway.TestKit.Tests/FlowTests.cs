using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;

namespace Causeway.TestKit.Tests;

public sealed class FlowTests
{
    private static readonly FaultModelOptions s_link = new()
    {
        RateBitsPerSecond = 10_000_000,
        Delay = TimeSpan.FromMilliseconds(10),
        QueueBytes = 100_000,
    };

    private static readonly ArqEndpointOptions s_window = new()
    {
        Arq = new ArqOptions { SendWindow = 32, ReceiveWindow = 32 },
    };

    [Fact]
    public void FlowsShareOneRateAndOneQueue()
    {
        using SharedBottleneck bottleneck = Make(s_link);
        for (int i = 0; i < 3; i++)
        {
            bottleneck.Add(new FlowOptions { Name = $"flow {i}", Endpoint = s_window });
        }

        bottleneck.Run(TimeSpan.FromSeconds(2));
        FlowCounters[] before = [.. bottleneck.Flows.Select(static flow => flow.Counters)];
        bottleneck.Queue.Microseconds.Clear();
        bottleneck.Run(TimeSpan.FromSeconds(2));
        double[] shares = [.. bottleneck.Flows.Select((flow, index) => (flow.Counters - before[index]).Goodput)];
        Assert.InRange(shares.Sum(), 0.95 * 1326 / 1378 * 10e6, 1326.0 / 1378 * 10e6 * 1.01);

        // Three windows of 32 segments are in flight; what the round trip of 25 000 bytes does not hold waits, as far as there
        // is room for it: 80 ms.
        Assert.InRange(bottleneck.Queue.Microseconds.Percentile(50), 50_000, 80_000);
    }

    [Fact]
    public void FlowsStartAndStopWhenTheyShould()
    {
        using SharedBottleneck bottleneck = Make(s_link);
        Flow flow = bottleneck.Add(new FlowOptions
        {
            Name = "late",
            Endpoint = s_window,
            Start = TimeSpan.FromSeconds(1),
            Stop = TimeSpan.FromSeconds(2),
        });
        bottleneck.Run(TimeSpan.FromSeconds(1) - TimeSpan.FromMicroseconds(1));
        Assert.Equal(0, flow.Counters.Segments);
        bottleneck.Run(TimeSpan.FromSeconds(1));
        Assert.True(flow.Counters.Segments > 500);
        bottleneck.Run(TimeSpan.FromSeconds(1));
        long written = flow.Sender.Written;
        bottleneck.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(written, flow.Sender.Written);
        Assert.Equal(written, flow.Receiver.Read);
    }

    [Fact]
    public void ExtraDelayLengthensTheRoundTripOfItsFlowAlone()
    {
        using SharedBottleneck bottleneck = Make(s_link with { RateBitsPerSecond = 0 });
        Flow near = bottleneck.Add(new FlowOptions { Name = "near", Bytes = 1000 });
        Flow far = bottleneck.Add(new FlowOptions { Name = "far", Bytes = 1000, ExtraDelay = TimeSpan.FromMilliseconds(15) });
        bottleneck.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(1000, near.Receiver.Read);
        Assert.Equal(1000, far.Receiver.Read);
        TimeSpan difference = far.Sender.Session.Statistics.SmoothedRtt - near.Sender.Session.Statistics.SmoothedRtt;
        Assert.Equal(30, difference.TotalMilliseconds, tolerance: 0.01);
    }

    [Fact]
    public void PlannedChangesReachTheSharedLinks()
    {
        FaultPlan plan = Plan(s_link) with
        {
            Changes = [new PlannedChange { At = TimeSpan.FromSeconds(1), Forward = s_link with { RateBitsPerSecond = 1_000_000 } }],
        };
        using SharedBottleneck bottleneck = new(plan);
        Flow flow = bottleneck.Add(new FlowOptions { Name = "flow", Endpoint = s_window });
        bottleneck.Run(TimeSpan.FromSeconds(2));
        FlowCounters before = flow.Counters;
        bottleneck.Run(TimeSpan.FromSeconds(2));
        Assert.InRange((flow.Counters - before).Goodput, 0.9e6, 1e6);
    }

    [Fact]
    public void SameSeedGivesTheSameRun()
    {
        Assert.Equal(Fingerprint(1), Fingerprint(1));
        Assert.NotEqual(Fingerprint(1), Fingerprint(2));
    }

    [Fact]
    public void RefusesToRebindAddresses()
    {
        FaultPlan plan = Plan(s_link) with { Changes = [new PlannedChange { At = TimeSpan.Zero, Rebind = true }] };
        Assert.Throws<ArgumentException>(() => new SharedBottleneck(plan));
    }

    [Fact]
    public void JainIndexIsOneForEqualSharesAndOneOverTheirNumberForOneOwner()
    {
        Assert.Equal(1, Fairness.JainIndex([3, 3, 3, 3]), precision: 12);
        Assert.Equal(0.25, Fairness.JainIndex([0, 8, 0, 0]), precision: 12);
        Assert.Equal(0.9, Fairness.JainIndex([1, 2]), precision: 12);
        Assert.Equal(1, Fairness.JainIndex([0, 0]));
    }

    [Fact]
    public void PercentilesAreSamplesOfTheNearestRank()
    {
        Distribution distribution = new();
        Assert.Equal(0, distribution.Percentile(50));
        for (int i = 1000; i > 0; i--)
        {
            distribution.Add(i);
        }

        Assert.Equal(1, distribution.Percentile(0));
        Assert.Equal(500, distribution.Percentile(50));
        Assert.Equal(990, distribution.Percentile(99));
        Assert.Equal(999, distribution.Percentile(99.9));
        distribution.Add(5000);
        Assert.Equal(5000, distribution.Max);
        Assert.Equal(1001, distribution.Count);
    }

    private static ulong Fingerprint(ulong seed)
    {
        using SharedBottleneck bottleneck = new(Plan(s_link with { Loss = 0.05 }) with { Seed = seed });
        bottleneck.Add(new FlowOptions { Name = "one", Endpoint = s_window });
        bottleneck.Add(new FlowOptions
        {
            Name = "two",
            Endpoint = s_window with { Congestion = static options => new ClassicController(options.SegmentSize, options.FastResend) },
        });
        bottleneck.Run(TimeSpan.FromSeconds(1));
        return bottleneck.Network.Log.Fingerprint;
    }

    private static SharedBottleneck Make(FaultModelOptions link) => new(Plan(link));

    private static FaultPlan Plan(FaultModelOptions link) =>
        new() { Name = "Flows", Seed = 1, Forward = link, Backward = new FaultModelOptions { Delay = link.Delay } };
}
