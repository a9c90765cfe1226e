using Causeway.Kcp.Arq;
using Causeway.Protocol;
using static Causeway.Kcp.Tests.Arq.RecoveryRig;

namespace Causeway.Kcp.Tests.Arq;

/// <summary><see cref="ArqSender"/> by itself: what may be written, what may leave, and the question to a closed window.</summary>
public sealed class ArqSenderTests
{
    [Fact]
    public void TheSmallerOfBothWindowsLimitsWhatIsUnderWay()
    {
        using RecoveryRig rig = new(window: 8);
        rig.Window.Peer = 3;
        rig.Write(8);
        Assert.Equal([0u, 1u, 2u], rig.Send(At(1)));
        Assert.False(rig.Sender.CanSend(At(1)));
        rig.Window.Peer = 5;
        Assert.Equal([3u, 4u], rig.Send(At(1)));
    }

    [Fact]
    public void TheControllerLimitsWhatIsInFlightButNeverTheOnlySegment()
    {
        using RecoveryRig rig = new();
        rig.Controller.Limit = 0;
        rig.Write(3);
        Assert.Equal([0u], rig.Send(At(1)));
        rig.Controller.Limit = 2 * SegmentSize;
        Assert.Equal([1u], rig.Send(At(1)));
    }

    [Fact]
    public void AFullSinkLeavesASegmentUnsent()
    {
        using RecoveryRig rig = new();
        rig.Write(3);
        rig.Sink.Capacity = 1;
        Assert.Equal([0u], rig.Send(At(1)));
        Assert.Equal((1, 2), (rig.Window.Ring.SentCount, rig.Window.Ring.UnsentCount));
        rig.Sink.Capacity = int.MaxValue;
        Assert.Equal([1u, 2u], rig.Send(At(1)));
    }

    [Fact]
    public void WhatMayBeWrittenEndsWithTheWindow()
    {
        using RecoveryRig rig = new(window: 4);
        Assert.Equal(4 * SegmentSize, rig.Sender.WriteCapacity);
        rig.Sender.Write(new byte[(2 * SegmentSize) + 1]);
        Assert.Equal((2 * SegmentSize) - 1, rig.Sender.WriteCapacity);
        rig.Sender.Write(new byte[(2 * SegmentSize) - 1]);
        Assert.Equal(0, rig.Sender.WriteCapacity);
    }

    [Fact]
    public void AClosedWindowIsAskedAboutAfterHalfASecond()
    {
        using RecoveryRig rig = new();
        rig.Window.Peer = 0;
        rig.Write(1);
        rig.Sender.BeginFlush(At(0));
        Assert.False(rig.Sender.ShouldAskForWindow(At(499)));
        Assert.Equal(At(500), rig.Sender.Deadline);
        Assert.True(rig.Sender.ShouldAskForWindow(At(500)));
        rig.Sender.OnWindowAsked(At(500));
        Assert.False(rig.Sender.ShouldAskForWindow(At(1_249)));
        Assert.True(rig.Sender.ShouldAskForWindow(At(1_250)));
        Assert.Equal(At(500), rig.Peer.WaitingSince);
    }

    [Fact]
    public void AProbeThatIsAskedForRepeatsTheOldestSegmentOrAsksForTheWindow()
    {
        using RecoveryRig rig = new();
        rig.Sender.IsProbeAsked = true;
        Assert.True(rig.Sender.ShouldAskForWindow(At(1)));
        rig.Sender.IsProbeAsked = false;
        rig.Write(2);
        rig.Send(At(1));
        rig.Sender.IsProbeAsked = true;
        Assert.False(rig.Sender.ShouldAskForWindow(At(2)));
        Assert.Equal([0u], rig.Send(At(2)));
        Assert.False(rig.Sender.IsProbeAsked);
    }

    [Fact]
    public void BeingHeldBackIsReportedUntilAFlushWithoutIt()
    {
        using RecoveryRig rig = new();
        rig.Controller.Limit = SegmentSize;
        rig.Write(2);
        rig.Send(At(1));
        rig.Sender.EndFlush(isFull: false, At(1));
        Assert.True(rig.Sender.TakeLimit());
        rig.Controller.Limit = long.MaxValue;
        rig.Send(At(2));
        rig.Sender.EndFlush(isFull: false, At(2));
        Assert.False(rig.Sender.TakeLimit());
    }
}
