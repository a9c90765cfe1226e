using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqSimulationTests
{
    private static readonly ArqOptions s_fast = new();
    private static readonly ArqOptions s_fast3 = new() { NoDelay = true, Interval = TimeSpan.FromMilliseconds(10) };

    [Theory]
    [InlineData("clean")]
    [InlineData("loss")]
    [InlineData("heavy loss")]
    [InlineData("reordering")]
    [InlineData("duplication")]
    [InlineData("bursts")]
    [InlineData("lost acknowledgements")]
    [InlineData("everything")]
    public void EveryByteArrivesOnceAndInOrder(string path)
    {
        PathFaults there = path switch
        {
            "loss" => new PathFaults { Loss = 0.05 },
            "heavy loss" => new PathFaults { Loss = 0.3 },
            "reordering" => new PathFaults { JitterMicroseconds = 15_000 },
            "duplication" => new PathFaults { Duplication = 0.3 },
            "bursts" => new PathFaults { BurstStart = 0.005 },
            "everything" => new PathFaults
            {
                Loss = 0.05,
                Duplication = 0.05,
                JitterMicroseconds = 10_000,
                BurstStart = 0.002,
            },
            _ => new PathFaults(),
        };
        PathFaults back = path == "lost acknowledgements" ? new PathFaults { Loss = 0.5 } : there;
        for (int seed = 1; seed <= 4; seed++)
        {
            ArqOptions options = seed % 2 == 0 ? s_fast3 : s_fast;
            Func<CongestionController> congestion = seed <= 2
                ? static () => new FixedController()
                : () => new ClassicController(options.MaxDatagramSize - 24, options.FastResend);
            using ArqSimulation simulation = new(seed, options, there, back, congestion);
            simulation.Send(0, 400_000);
            simulation.Send(1, 50_000);
            simulation.RunToIdle(TimeSpan.FromSeconds(120));
            Assert.Equal((50_000L, 400_000L), (simulation.Received(0), simulation.Received(1)));
        }
    }

    [Fact]
    public void SequenceNumbersAndTimestampsWrapAround()
    {
        PathFaults path = new() { Loss = 0.1, JitterMicroseconds = 5_000 };
        using ArqSimulation simulation = new(
            seed: 5, s_fast, path, initialSequence: uint.MaxValue - 100, startMicroseconds: uint.MaxValue - 60_000);
        simulation.Send(0, 500_000);
        simulation.Send(1, 500_000);
        simulation.RunToIdle(TimeSpan.FromSeconds(60));
        Assert.InRange(simulation[0].SendNext, 200u, 500u);
        Assert.InRange(simulation[0].Statistics.SmoothedRtt.TotalMilliseconds, 40, 60);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.05)]
    public void ABlackoutOfTwentySecondsIsSurvived(double loss)
    {
        PathFaults path = new() { Loss = loss, Blackout = (500_000, 20_500_000) };
        ArqOptions options = s_fast with { SendWindow = 128, ReceiveWindow = 128 };
        using ArqSimulation simulation = new(seed: 6, options, path);
        simulation.Send(0, 5_000_000);
        simulation.RunFor(TimeSpan.FromSeconds(20.5));
        long before = simulation.Datagrams;
        long received = simulation.Received(1);
        Assert.InRange(received, 1, 3_000_000);
        Assert.Null(simulation[0].Failure);

        // At most one back-off and a few round trips later it runs at full speed.
        simulation.RunFor(TimeSpan.FromSeconds(2.5));
        Assert.True(simulation.Received(1) > received + 1_000_000, $"{simulation.Received(1) - received} bytes after 2.5 s");
        simulation.RunToIdle(TimeSpan.FromSeconds(60));
        Assert.Equal(5_000_000, simulation.Received(1));
        Assert.True(before < 4_000, $"{before} datagrams while the path was down");
    }

    [Fact]
    public void AReaderThatPausesClosesTheWindowAndOpensItAgain()
    {
        ArqOptions options = s_fast with { ReceiveWindow = 64 };
        using ArqSimulation simulation = new(seed: 7, options, new PathFaults { Loss = 0.1 });
        simulation.Reads[1] = false;
        simulation.Send(0, 2_000_000);
        simulation.RunFor(TimeSpan.FromSeconds(100));
        Assert.Equal(64, simulation[1].ReceiveQueueLength);
        Assert.Equal(0, simulation[0].PeerWindow);
        Assert.InRange(simulation[0].Statistics.WindowProbes, 5, 40);
        Assert.Null(simulation[0].Failure);
        Assert.Equal(0, simulation[0].WriteCapacity);

        simulation.Reads[1] = true;
        simulation.RunToIdle(TimeSpan.FromSeconds(60));
        Assert.Equal(2_000_000, simulation.Received(1));
    }

    [Fact]
    public void AnIdleSessionHasNothingToDo()
    {
        using ArqSimulation simulation = new(seed: 8, s_fast, new PathFaults());
        simulation.Send(0, 10_000);
        simulation.RunToIdle(TimeSpan.FromSeconds(5));
        simulation.RunFor(TimeSpan.FromSeconds(1));
        long before = simulation.Datagrams;
        simulation.RunFor(TimeSpan.FromHours(2));
        Assert.Equal(before, simulation.Datagrams);
        Assert.True(simulation[0].NextDeadline.IsNever && simulation[1].NextDeadline.IsNever);
        Assert.Null(simulation[0].Failure);
    }

    [Fact]
    public void ACleanPathSeesNoRetransmission()
    {
        using ArqSimulation simulation = new(seed: 9, s_fast3, new PathFaults());
        simulation.Send(0, 5_000_000);
        simulation.Send(1, 1_000);
        simulation.RunToIdle(TimeSpan.FromSeconds(30));
        ArqStatistics statistics = simulation[0].Statistics;
        Assert.Equal(
            (0L, 0L, 0L), (statistics.FastRetransmits, statistics.EarlyRetransmits, statistics.Timeouts));
        Assert.Equal(0, simulation[1].Statistics.Repeated);

        // Acknowledgements and data share datagrams: far fewer answers than segments.
        Assert.True(simulation[1].Statistics.OutSegments < statistics.OutSegments / 2);
        Assert.InRange(statistics.SmoothedRtt.TotalMilliseconds, 40, 46);
    }

    [Fact]
    public void ReorderingIsLearnt()
    {
        PathFaults path = new() { JitterMicroseconds = 8_000 };
        using ArqSimulation simulation = new(seed: 10, s_fast, path);
        simulation.Send(0, 1_000_000);
        simulation.RunToIdle(TimeSpan.FromSeconds(60));
        ArqStatistics statistics = simulation[0].Statistics;
        long needless = statistics.FastRetransmits + statistics.EarlyRetransmits + statistics.Timeouts;

        // Without the reordering window nearly every segment on such a path is skipped twice and sent again.
        Assert.InRange(needless, 1, statistics.OutDataSegments / 5);
    }
}
