using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using static Causeway.Kcp.Tests.Arq.RecoveryRig;

namespace Causeway.Kcp.Tests.Arq;

/// <summary><see cref="PeerWatch"/> by itself: who is silent, who is dead, and who has forgotten.</summary>
public sealed class PeerWatchTests
{
    [Fact]
    public void AnIdlePeerMayBeSilentForEver()
    {
        using RecoveryRig rig = new();
        Assert.True(rig.Peer.Deadline.IsNever);
        Assert.True(rig.Peer.WaitingSince.IsNever);
        Assert.Null(rig.Peer.Check(0, At(1_000_000)));
    }

    [Fact]
    public void SilenceCountsFromTheFirstThatAsksAndTakesAttempts()
    {
        using RecoveryRig rig = new();
        rig.Peer.OnWritten(10);
        rig.Peer.OnSent(0, At(1_000));
        rig.Peer.OnSent(1, At(5_000));
        Assert.Equal(At(1_000), rig.Peer.WaitingSince);
        Assert.Null(rig.Peer.Check(1, At(100_000)));
        for (int i = 0; i < 5; i++)
        {
            rig.Peer.OnAttempt();
        }

        Assert.Null(rig.Peer.Check(1, At(30_999)));
        Assert.Equal(ArqFailure.PeerSilent, rig.Peer.Check(1, At(31_000)));
    }

    [Fact]
    public void HeartbeatsAloneAreNotJudged()
    {
        using RecoveryRig rig = new();
        rig.Peer.OnWritten(1);
        rig.Peer.OnSent(1, At(1_000));
        for (int i = 0; i < 5; i++)
        {
            rig.Peer.OnAttempt();
        }

        Assert.Equal(At(1_000), rig.Peer.WaitingSince);
        Assert.Null(rig.Peer.Check(20, At(1_000_000)));
    }

    [Fact]
    public void ATimeInWhichThisSideDidNotRunIsNotThePeersSilence()
    {
        using RecoveryRig rig = new();
        rig.Peer.OnWritten(10);
        rig.Peer.OnSent(0, At(1_000));
        for (int i = 0; i < 5; i++)
        {
            rig.Peer.OnAttempt();
        }

        rig.Peer.Shift(45_000_000);
        Assert.Equal(At(46_000), rig.Peer.WaitingSince);
        Assert.Null(rig.Peer.Check(1, At(75_999)));
        Assert.Equal(ArqFailure.PeerSilent, rig.Peer.Check(1, At(76_000)));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void WhatArrivesAfterAQuestionTellsThatThePathIsBackUnlessThePeerWasRestarted(bool isRegress, bool expected)
    {
        using RecoveryRig rig = new();
        rig.Recovery.AddSample(20_000);
        rig.Peer.OnWritten(10);
        rig.Peer.OnSent(0, At(1_000));
        Timestamp ask = rig.Peer.AskAt;
        Assert.InRange(ask.Microseconds, 1_001_000, 2_000_000);
        rig.Peer.OnSilenceAsked(ask);
        Assert.Equal(expected, rig.Peer.OnHeard(stillWaiting: true, unacknowledged: 0, isRegress, At(3_000)));
        Assert.Equal(At(3_000), rig.Peer.HeardAt);
        Assert.False(rig.Peer.OnHeard(stillWaiting: false, unacknowledged: 0, isRegress, At(3_001)));
    }

    [Fact]
    public void ALowerUnaIsChallengedAndItsEchoIsProof()
    {
        using RecoveryRig rig = new();
        rig.Peer.OnAdvanced(At(1));
        SegmentHeader header = SegmentHeader.Read(ArqHarness.Segment(SegmentCommand.WindowReport, una: 3));
        Assert.False(rig.Peer.IsForgotten(in header, rig.Window.Ring, recovered: false, At(2)));
        Timestamp challenge = rig.Peer.ChallengeAt;
        Assert.False(challenge.IsNever);
        Assert.Equal(3u, rig.Peer.ChallengeSequence);
        rig.Peer.OnChallenged(time: 77, challenge);
        SegmentHeader echo = SegmentHeader.Read(ArqHarness.Segment(SegmentCommand.Ack, sequence: 3, una: 3, time: 77));
        Assert.True(rig.Peer.IsForgotten(in echo, rig.Window.Ring, recovered: false, challenge));
        rig.Peer.OnCurrent();
        Assert.True(rig.Peer.ChallengeAt.IsNever);
    }
}
