using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Paths that mark as they should, and paths that do to the bits of ECN what faulty ones do.</summary>
public sealed class EcnPathTests
{
    private const int TestDatagrams = 10;

    private static readonly FaultModelOptions s_link = SimulatedLinks.Make(megabits: 100, roundTrip: 50, queue: 1);
    private static readonly FaultModelOptions s_marking = s_link with { MarkThreshold = TimeSpan.FromMilliseconds(5) };

    public static TheoryData<string> Controllers() => new(SimulatedControllers.Modern);

    [Theory]
    [MemberData(nameof(Controllers))]
    public void ABottleneckThatMarksLosesNothingOfAFlowThatListens(string controller)
    {
        using SharedBottleneck bottleneck = Make(s_marking);
        Flow flow = bottleneck.Add(Options(controller));
        bottleneck.Run(TimeSpan.FromSeconds(3));
        FlowCounters before = flow.Counters;
        bottleneck.Queue.Microseconds.Clear();
        bottleneck.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(EcnState.Capable, flow.Sender.Session.EcnState);
        Assert.Equal(0, bottleneck.Forward.Statistics.LostToQueue);
        Assert.Equal(0, flow.Counters.Retransmissions);
        Assert.True(flow.Sender.Session.Statistics.CongestionMarks > 0);
        Assert.InRange(bottleneck.Forward.Statistics.Marked, flow.Sender.Session.Statistics.CongestionMarks, long.MaxValue);
        Assert.InRange(bottleneck.Queue.Microseconds.Percentile(90), 0, 10_000);
        Assert.InRange((flow.Counters - before).Goodput / 1e6, 0.9 * SimulatedLinks.Possible(s_link), 100);
    }

    [Fact]
    public void MarksShortenWhatBbrHasUnderWay()
    {
        bool marks = false;
        BbrController? made = null;
        FlowOptions options = Options("bbr");
        options = options with
        {
            // The sender's is made first.
            Endpoint = options.Endpoint with
            {
                Congestion = arq =>
                {
                    BbrController controller = new(arq.SegmentSize);
                    made ??= controller;
                    return controller;
                },
            },
        };
        using SharedBottleneck bottleneck = Make(s_link);
        Flow flow = bottleneck.Add(options);
        Intercept(flow, (datagram, _) =>
        {
            datagram.Ecn = marks && datagram.Ecn == EcnCodepoint.Capable0 ? EcnCodepoint.CongestionExperienced : datagram.Ecn;
            return DatagramVerdict.Pass;
        });
        BbrController bbr = made!;
        bottleneck.Run(TimeSpan.FromSeconds(2));
        while (bbr.State != BbrState.ProbeBandwidthCruise)
        {
            bottleneck.Run(TimeSpan.FromMilliseconds(1));
        }

        long before = bbr.Window;
        marks = true;
        bottleneck.Run(TimeSpan.FromMilliseconds(600));
        Assert.InRange(bbr.Window, before / 10, before * 3 / 4);

        // For a while; the next probe finds what is there.
        marks = false;
        bottleneck.Run(TimeSpan.FromSeconds(4));
        Assert.InRange(bbr.Window, before * 9 / 10, before * 11 / 10);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void AClearedFieldEndsIt(double fromSecond)
    {
        Timestamp from = Timestamp.Zero.Add(TimeSpan.FromSeconds(fromSecond));
        using SharedBottleneck bottleneck = Make(s_marking);
        Flow flow = bottleneck.Add(Options("cubic"));
        int cleared = 0;
        Intercept(flow, (datagram, now) =>
        {
            if (datagram.Ecn != EcnCodepoint.NotCapable && now >= from)
            {
                datagram.Ecn = EcnCodepoint.NotCapable;
                cleared++;
            }

            return DatagramVerdict.Pass;
        });
        bottleneck.Run(TimeSpan.FromSeconds(3));
        Assert.Equal(EcnState.Failed, flow.Sender.Session.EcnState);

        // Reports come with each 1024 datagrams in the end, and take a round trip.
        Assert.InRange(cleared, TestDatagrams, fromSecond == 0 ? TestDatagrams : 2500);
        Assert.InRange(flow.Counters.Goodput / 1e6, 70, 100);
    }

    [Fact]
    public void APathThatMarksEverythingEndsIt()
    {
        using SharedBottleneck bottleneck = Make(s_link);
        Flow flow = bottleneck.Add(Options("cubic"));
        Intercept(flow, static (datagram, _) =>
        {
            datagram.Ecn = datagram.Ecn == EcnCodepoint.Capable0 ? EcnCodepoint.CongestionExperienced : datagram.Ecn;
            return DatagramVerdict.Pass;
        });
        bottleneck.Run(TimeSpan.FromSeconds(8));
        Assert.Equal(EcnState.Failed, flow.Sender.Session.EcnState);
        bottleneck.Run(TimeSpan.FromSeconds(6));
        FlowCounters before = flow.Counters;
        bottleneck.Run(TimeSpan.FromSeconds(2));
        Assert.InRange((flow.Counters - before).Goodput / 1e6, 70, 100);
    }

    [Fact]
    public void APathThatDropsWhatIsCapableLosesTheTestAlone()
    {
        using SharedBottleneck bottleneck = Make(s_link);
        Flow flow = bottleneck.Add(Options("bbr"));
        Intercept(flow, static (datagram, _) =>
            datagram.Ecn == EcnCodepoint.NotCapable ? DatagramVerdict.Pass : DatagramVerdict.Drop);
        bottleneck.Run(TimeSpan.FromSeconds(3));
        Assert.Equal(EcnState.Failed, flow.Sender.Session.EcnState);
        Assert.Equal(TestDatagrams, flow.Forward.Intercepted);
        Assert.InRange(flow.Counters.Goodput / 1e6, 70, 100);
    }

    [Fact]
    public void APathThatBeginsToDropWhatIsCapableIsLeftWithoutAndTheSessionLives()
    {
        using SharedBottleneck bottleneck = Make(s_link);
        Flow flow = bottleneck.Add(Options("bbr"));
        Timestamp from = Timestamp.Zero.Add(TimeSpan.FromSeconds(2));
        Intercept(flow, (datagram, now) =>
            datagram.Ecn != EcnCodepoint.NotCapable && now >= from ? DatagramVerdict.Drop : DatagramVerdict.Pass);
        bottleneck.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(EcnState.Capable, flow.Sender.Session.EcnState);
        bottleneck.Run(TimeSpan.FromSeconds(6));
        Assert.Equal(EcnState.Failed, flow.Sender.Session.EcnState);
        FlowCounters before = flow.Counters;
        bottleneck.Run(TimeSpan.FromSeconds(2));
        Assert.InRange((flow.Counters - before).Goodput / 1e6, 80, 100);
    }

    [Fact]
    public void ABlackoutIsNoReasonToDoWithoutMarks()
    {
        FaultPlan plan = new()
        {
            Name = "Marks",
            Seed = 1,
            Forward = s_marking,
            Backward = s_marking,
            Changes =
            [
                new PlannedChange { At = TimeSpan.FromSeconds(2), Blackout = true },
                new PlannedChange { At = TimeSpan.FromSeconds(4), Blackout = false },
            ],
        };
        using SharedBottleneck bottleneck = new(plan);
        Flow flow = bottleneck.Add(Options("cubic"));
        bottleneck.Run(TimeSpan.FromSeconds(4));
        Assert.Equal(EcnState.Off, flow.Sender.Session.EcnState);
        bottleneck.Run(TimeSpan.FromSeconds(4));
        Assert.Equal(EcnState.Capable, flow.Sender.Session.EcnState);
    }

    [Fact]
    public void WhoAnswersNoMarksAsksForNone()
    {
        using SharedBottleneck bottleneck = Make(s_marking);
        Flow flow = bottleneck.Add(Options("fixed"));
        bottleneck.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(EcnState.Off, flow.Sender.Session.EcnState);
        Assert.Equal(0, bottleneck.Forward.Statistics.Marked);
    }

    [Fact]
    public void WholeSessionsWithParityMarkAndReportToo()
    {
        KcpProfile profile = new()
        {
            Arq = new ArqOptions { Ecn = true },
            Fec = new FecOptions { DataShards = 10, ParityShards = 3 },
        };
        FaultModelOptions link = SimulatedLinks.Make(20, 40, 1) with { MarkThreshold = TimeSpan.FromMilliseconds(5) };
        FaultPlan plan = new() { Name = "Marks", Seed = 1, Forward = link, Backward = link };
        using SessionPair pair = new(plan, new SessionEndpointOptions { Profile = profile });
        pair.Open(pair.Client, bytes: 4 << 20, answer: 0);
        Assert.True(pair.Transfer(TimeSpan.FromSeconds(20)).IsComplete);
        Assert.Equal(EcnState.Capable, pair.Client.Session.Arq.EcnState);
        Assert.True(pair.Client.Session.Arq.Statistics.CongestionMarks > 0);
        pair.Close();
    }

    private static SharedBottleneck Make(FaultModelOptions link) =>
        new(new FaultPlan { Name = "Marks", Seed = 1, Forward = link, Backward = link });

    private static FlowOptions Options(string controller)
    {
        ArqEndpointOptions endpoint = SimulatedControllers.Named(controller);
        return new FlowOptions { Name = controller, Endpoint = endpoint with { Arq = endpoint.Arq with { Ecn = true } } };
    }

    private static void Intercept(Flow flow, Func<PacketBuffer, Timestamp, DatagramVerdict> interceptor)
    {
        DatagramInterceptor watch = flow.Forward.OnDatagram!;
        flow.Forward.OnDatagram = (path, datagram, now) =>
        {
            watch(path, datagram, now);
            return interceptor(datagram, now);
        };
    }
}
