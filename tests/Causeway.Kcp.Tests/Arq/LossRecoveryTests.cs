using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using static Causeway.Kcp.Tests.Arq.RecoveryRig;

namespace Causeway.Kcp.Tests.Arq;

/// <summary><see cref="ArqRecovery"/> by itself: what was acknowledged, what is lost, and when that is known.</summary>
public sealed class LossRecoveryTests
{
    [Fact]
    public void NothingInFlightHasNoDeadline()
    {
        using RecoveryRig rig = new();
        Assert.True(rig.Recovery.Deadline.IsNever);
        Assert.False(rig.Recovery.Detect(At(1_000_000)));
        Assert.Empty(rig.Controller.Losses);
    }

    [Fact]
    public void AnAcknowledgementGivesTheRoundTripInMicroseconds()
    {
        using RecoveryRig rig = new();
        rig.Write(1);
        rig.Send(At(10));
        AckRun run = rig.Acknowledge(At(35), una: 1, 0);
        Assert.Equal((1, (long)SegmentSize, 25_000L), (run.Segments, run.Bytes, run.RttMicroseconds));
        Assert.Equal(25_000, rig.Recovery.Rtt.Smoothed);
        Assert.Equal(0, rig.Recovery.OutstandingCount);
    }

    [Fact]
    public void ACumulativeAcknowledgementTellsOfSegmentsButNotOfTheirTime()
    {
        using RecoveryRig rig = new();
        rig.Write(3);
        rig.Send(At(10));
        AckRun run = rig.Acknowledge(At(35), una: 3);
        Assert.Equal((3, -1L), (run.Segments, run.RttMicroseconds));
        Assert.Equal(0, rig.Window.Ring.Count);
    }

    [Fact]
    public void ASegmentThatLaterOnesPassedIsLostAndGoesAgainFirst()
    {
        using RecoveryRig rig = new();
        rig.Write(6);
        rig.Send(At(10));
        rig.Acknowledge(At(50), una: 0, 1, 2, 3);
        Assert.False(rig.Recovery.Detect(At(90)));
        rig.Recovery.DetectEarly(At(90));
        Assert.Equal(0u, rig.Recovery.FirstLost!.Sequence);
        LossEvent loss = Assert.Single(rig.Controller.Losses);
        Assert.Equal((1, false), (loss.Segments, loss.IsTimeout));
        Assert.Equal([0u], rig.Send(At(90)));
        Assert.Null(rig.Recovery.FirstLost);
    }

    [Fact]
    public void SilenceIsProbedOnceBeforeTheTimerLosesEverything()
    {
        using RecoveryRig rig = new();
        rig.Write(1);
        rig.Send(At(0));
        rig.Acknowledge(At(20), una: 1, 0);
        rig.Write(4);
        rig.Send(At(20));

        Timestamp probe = rig.Recovery.Deadline;
        Assert.False(rig.Recovery.Detect(probe));
        Assert.True(rig.Recovery.IsProbeDue);
        Assert.Equal([1u], rig.Send(probe));
        Assert.False(rig.Recovery.IsProbeDue);
        Assert.Equal(1, rig.Statistics.TailLossProbes);

        Timestamp timeout = rig.Recovery.Deadline;
        Assert.True(timeout > probe);
        Assert.True(rig.Recovery.Detect(timeout));
        Assert.True(Assert.Single(rig.Controller.Losses).IsTimeout);
        Assert.NotNull(rig.Recovery.FirstLost);
    }

    [Fact]
    public void AfterATimeoutTwoSegmentsLeaveWhateverTheControllerThinks()
    {
        using RecoveryRig rig = new();
        rig.Write(5);
        rig.Send(At(0));
        Assert.True(rig.Recovery.Detect(rig.Recovery.Deadline));
        rig.Controller.Limit = 0;
        Assert.Equal([0u, 1u], rig.Send(At(1_000)));
    }

    [Fact]
    public void ATimeInWhichThisSideDidNotRunPutsOffWhatIsDueAndSpoilsNoSample()
    {
        using RecoveryRig rig = new();
        rig.Write(2);
        rig.Send(At(10));
        Timestamp due = rig.Recovery.Deadline;
        rig.Recovery.OnPaused(microseconds: 45_000_000, At(45_010));
        Assert.Equal(due.AddMicroseconds(45_000_000), rig.Recovery.Deadline);
        AckRun run = rig.Acknowledge(At(45_011), una: 0, 0);
        Assert.Equal((1, -1L), (run.Segments, run.RttMicroseconds));
    }

    [Fact]
    public void ThePathBackLosesWhatLeftMoreThanARoundTripAgo()
    {
        using RecoveryRig rig = new();
        rig.Write(1);
        rig.Send(At(0));
        rig.Acknowledge(At(20), una: 1, 0);
        rig.Write(2);
        rig.Send(At(20));
        Timestamp later = rig.Recovery.Deadline;
        rig.Write(1);
        rig.Send(later);
        rig.Recovery.OnPathBack();
        rig.Recovery.Detect(later);
        Assert.Equal(2, Assert.Single(rig.Controller.Losses).Segments);
        Assert.Equal(1u, rig.Recovery.FirstLost!.Sequence);
    }

    [Theory]
    [InlineData(1u, 2, 0)]
    [InlineData(1u, 4, 1)]
    [InlineData(5u, 1, 1)]
    public void RangesAcknowledgeWhatWasSentAndAreRefusedBeyond(uint first, int count, int refused)
    {
        using RecoveryRig rig = new();
        rig.Write(4);
        rig.Send(At(10));
        byte[] payload = new byte[AckRanges.SizeOf(1)];
        AckRanges.WriteHeader(payload, 1);
        AckRanges.WriteRange(payload, 0, (ushort)first, (ushort)count);
        Assert.True(AckRanges.TryRead(payload, out AckRanges ranges));
        AckRun run = default;
        run.Begin(At(50), 50_000, recovered: false);
        rig.Recovery.OnRanges(ref run, unacknowledged: 0, in ranges);
        Assert.Equal((refused == 0 ? count : 0, (long)refused), (run.Segments, rig.Statistics.InvalidAcknowledgements));
        Assert.Equal(-1, run.RttMicroseconds);
    }
}
