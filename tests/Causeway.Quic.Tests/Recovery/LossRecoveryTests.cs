using Causeway.Protocol;
using Causeway.Quic.Recovery;

namespace Causeway.Quic.Tests.Recovery;

public sealed class LossRecoveryTests
{
    private const long Rtt = 80_000;

    private readonly RecoveryBench _bench = new RecoveryBench().Measured(Rtt);

    private LossRecovery Recovery => _bench.Recovery;

    [Fact]
    public void AcknowledgedPacketsLeaveTheFlight()
    {
        _bench.Send(4);
        Assert.Equal(4800, Recovery.BytesInFlight);
        _bench.Wait(Rtt);
        Assert.True(_bench.Ack((1, 4)));
        Assert.Equal(0, Recovery.BytesInFlight);
        Assert.Equal([4, 3, 2, 1], _bench.Acknowledged);
        Assert.True(Recovery.Deadline.IsNever);
        Assert.Equal(4800, _bench.Controller.Acks[^1].Bytes);
    }

    [Fact]
    public void AnAckOfWhatWasNeverSentIsRefused()
    {
        _bench.Send(2);
        Assert.False(_bench.Ack((1, 3)));
    }

    // RFC 9002, 6.1.1.
    [Fact]
    public void ThreePacketsBehindItMakeAPacketLost()
    {
        _bench.Send(4);
        _bench.Wait(Rtt);
        _bench.Ack((3, 3));
        Assert.Empty(_bench.Lost);
        _bench.Ack((4, 4), (3, 3));
        Assert.Equal([1], _bench.Lost);
        Assert.Equal(1, _bench.Controller.Losses[^1].Segments);
        Assert.Equal(1200, Recovery.BytesInFlight);
    }

    // RFC 9002, 6.1.2.
    [Fact]
    public void APacketIsLostNineEighthsOfARoundTripAfterItLeftIfALaterOneArrived()
    {
        _bench.Send(1);
        _bench.Wait(10_000);
        _bench.Send(1);
        _bench.Wait(Rtt);
        _bench.Ack((2, 2));

        // It left 90 ms ago, which is just nine eighths.
        Assert.Equal([1], _bench.Lost);
    }

    [Fact]
    public void UntilThenATimerWaitsForIt()
    {
        _bench.Send(2);
        _bench.Wait(Rtt);
        _bench.Ack((2, 2));
        Assert.Empty(_bench.Lost);
        Assert.Equal(Rtt / 8, _bench.TimeOut());
        Assert.Equal([1], _bench.Lost);
    }

    [Fact]
    public void WithoutALaterAcknowledgementNothingIsLost()
    {
        _bench.Send(3);
        _bench.Wait(10 * Rtt);
        Recovery.OnTimeout(_bench.Now);
        Assert.Empty(_bench.Lost);
        Assert.Equal([1, 2], _bench.Unanswered);
    }

    // RFC 9002, 6.2.1: 80 + 4 * 40 + 25 ms.
    [Fact]
    public void ProbesAreDueAfterTheProbeTimeoutWhichDoubles()
    {
        _bench.Send(1);
        Assert.Equal(265_000, _bench.TimeOut());
        Assert.Equal(2, Recovery[PacketSpaceId.Application].Probes);
        _bench.Send(1);
        Assert.Equal(530_000, _bench.TimeOut());
        _bench.Send(1);
        Assert.Equal(1_060_000, _bench.TimeOut());
        Assert.Equal(3, Recovery.ProbeTimeouts);
    }

    [Fact]
    public void AnAcknowledgementEndsTheBackOff()
    {
        _bench.Send(1);
        _bench.TimeOut();
        _bench.TimeOut();
        Assert.Equal(2, Recovery.Timeouts);
        _bench.Send(1);
        _bench.Ack((2, 2));
        Assert.Equal(0, Recovery.Timeouts);
    }

    [Fact]
    public void TheProbeTimeoutDoesNotGrowForEver()
    {
        _bench.Send(1);
        long longest = 0;
        for (int i = 0; i < 20; i++)
        {
            longest = Math.Max(longest, _bench.TimeOut());
            _bench.Send(1);
        }

        Assert.Equal(2_000_000, longest);
    }

    // RFC 9002, 6.2.1: application data is not probed for before the handshake is confirmed.
    [Fact]
    public void ApplicationDataWaitsForTheHandshakeToBeConfirmed()
    {
        RecoveryBench bench = new();
        bench.Recovery.IsConfirmed = false;
        bench.Send(1);
        Assert.True(bench.Recovery.Deadline.IsNever);
        bench.Send(1, PacketSpaceId.Handshake);
        Assert.Equal(999_000, bench.TimeOut());
        Assert.Equal(2, bench.Recovery[PacketSpaceId.Handshake].Probes);
        Assert.Equal(0, bench.Recovery[PacketSpaceId.Application].Probes);
    }

    // RFC 9002, 6.2.2.1.
    [Fact]
    public void AClientProbesWithNothingInFlightUntilTheServerTrustsItsAddress()
    {
        RecoveryBench bench = new(EndpointRole.Client);
        bench.Recovery.IsConfirmed = false;
        bench.Recovery.IsAddressValidatedByPeer = false;
        bench.Recovery.NoteAntiDeadlock(bench.Now);
        bench.Send(1, PacketSpaceId.Initial);
        bench.Wait(Rtt);
        bench.Ack(PacketSpaceId.Initial, 0, (0, 0));
        Assert.Equal(0, bench.Recovery.BytesInFlight);
        Assert.False(bench.Recovery.Deadline.IsNever);
        bench.TimeOut();
        Assert.Equal(2, bench.Recovery[PacketSpaceId.Initial].Probes);
        bench.Recovery.HasHandshakeKeys = true;
        bench.TimeOut();
        Assert.Equal(2, bench.Recovery[PacketSpaceId.Handshake].Probes);
        bench.Recovery.IsAddressValidatedByPeer = true;

        // A NAT may change the address before the handshake is confirmed, and the server would have to wait for its proof.
        Assert.False(bench.Recovery.Deadline.IsNever);
        bench.Recovery.IsConfirmed = true;
        Assert.True(bench.Recovery.Deadline.IsNever);
    }

    // RFC 9002, 6.2.4.
    [Fact]
    public void AServerRepeatsItsWholeFlightAtOnce()
    {
        RecoveryBench bench = new();
        bench.Recovery.IsConfirmed = false;
        bench.Recovery.HasHandshakeKeys = true;
        bench.Send(1, PacketSpaceId.Initial);
        bench.Send(2, PacketSpaceId.Handshake);
        bench.TimeOut();
        Assert.Equal((1, 1), (bench.Recovery[PacketSpaceId.Initial].Probes, bench.Recovery[PacketSpaceId.Handshake].Probes));
        Assert.Equal([0, 0, 1], bench.Unanswered);
        Assert.Equal(0, bench.Recovery[PacketSpaceId.Application].Probes);
    }

    /// <summary>The client's last message may be lost, and the client wait for long before it repeats it.</summary>
    [Fact]
    public void AServerWhoseFlightArrivedAsksForTheEndOfTheHandshake()
    {
        RecoveryBench bench = new();
        bench.Recovery.IsConfirmed = false;
        bench.Recovery.HasHandshakeKeys = true;
        bench.Send(2, PacketSpaceId.Handshake);
        bench.Wait(10_000);
        bench.Ack(PacketSpaceId.Handshake, 0, (0, 1));
        long[] waits = new long[8];
        for (int i = 0; i < waits.Length; i++)
        {
            waits[i] = bench.TimeOut();
            Assert.Equal(1, bench.Recovery[PacketSpaceId.Handshake].Probes);
            bench.Recovery[PacketSpaceId.Handshake].Probes = 0;
            bench.Send(1, PacketSpaceId.Handshake);

            // An answer shows that the client lives, and is no reason to ask more often.
            bench.Ack(PacketSpaceId.Handshake, 0, (2 + i, 2 + i));
        }

        Assert.Equal([100_000, 200_000, 400_000, 800_000, 1_600_000, 2_000_000, 2_000_000, 2_000_000], waits);
        bench.Recovery.IsConfirmed = true;
        Assert.True(bench.Recovery.Deadline.IsNever);
    }

    // RFC 9002, 6.2.1: the server may be waiting for more bytes from a client, so that its ACK ends no back-off of the client's.
    [Fact]
    public void AClientKeepsItsBackOffWhileTheServerMayBeBlocked()
    {
        RecoveryBench bench = new(EndpointRole.Client);
        bench.Recovery.IsConfirmed = false;
        bench.Recovery.IsAddressValidatedByPeer = false;
        bench.Send(1, PacketSpaceId.Initial);
        bench.TimeOut();
        bench.Send(1, PacketSpaceId.Initial);
        bench.Ack(PacketSpaceId.Initial, 0, (1, 1));
        Assert.Equal(1, bench.Recovery.Timeouts);
    }

    // RFC 9002, 7.6: 3 * (80 + 4 * 30 + 25) = 675 ms; the acknowledgement that finds the losses is a sample, too.
    [Theory]
    [InlineData(670_000, false)]
    [InlineData(680_000, true)]
    public void NothingArrivedForThreeProbeTimeoutsIsPersistentCongestion(long span, bool isPersistent)
    {
        _bench.Send(1);
        _bench.Wait(span / 2);
        _bench.Send(1);
        _bench.Wait(span - (span / 2));
        _bench.Send(1);
        _bench.Wait(20_000);
        _bench.Send(1);
        _bench.Wait(Rtt);
        _bench.Ack((4, 4));
        Assert.Equal([1, 2, 3], _bench.Lost);
        Assert.Equal(isPersistent, Assert.Single(_bench.Controller.Losses).IsPersistentCongestion);
    }

    [Fact]
    public void APacketThatArrivedInBetweenRulesPersistentCongestionOut()
    {
        _bench.Send(1);
        _bench.Wait(400_000);
        _bench.Send(1);
        _bench.Wait(400_000);
        _bench.Send(1);
        _bench.Wait(20_000);
        _bench.Send(1);
        _bench.Wait(Rtt);
        _bench.Ack((4, 4), (2, 2));
        Assert.Equal([1, 3], _bench.Lost);
        Assert.False(Assert.Single(_bench.Controller.Losses).IsPersistentCongestion);
    }

    [Fact]
    public void LossesThatWereNoneAreUndoneOnceAllOfThemArrived()
    {
        _bench.Send(6);
        _bench.Wait(Rtt);
        _bench.Ack((6, 6));
        Assert.Equal([1, 2, 3], _bench.Lost);
        _bench.Ack((6, 6), (2, 3));
        Assert.Equal(0, _bench.Controller.Undone);
        _bench.Ack((6, 6), (1, 3));
        Assert.Equal(1, _bench.Controller.Undone);
        Assert.Equal(3, Recovery.SpuriousLosses);
    }

    [Fact]
    public void AfterReorderingThePacketThresholdIsLarger()
    {
        _bench.Send(10);
        _bench.Wait(Rtt);
        _bench.Ack((6, 10));
        Assert.Equal([1, 2, 3, 4, 5], _bench.Lost);
        _bench.Ack((1, 10));
        _bench.Lost.Clear();
        _bench.Send(9);
        _bench.Wait(Rtt);
        _bench.Ack((19, 19));
        Assert.Empty(_bench.Lost);
    }

    /// <summary>A space that goes with losses unresolved must not leave the episode open for ever.</summary>
    [Fact]
    public void LossesOfADiscardedSpaceDoNotKeepLaterOnesFromBeingUndone()
    {
        RecoveryBench bench = new();
        bench.Send(5, PacketSpaceId.Handshake);
        bench.Wait(Rtt);
        bench.Ack(PacketSpaceId.Handshake, 0, (4, 4));
        Assert.Equal(2, bench.Lost.Count);
        bench.Recovery.Discard(PacketSpaceId.Handshake);
        bench.Send(6);
        bench.Wait(Rtt);
        bench.Ack((5, 5));
        bench.Ack((0, 5));
        Assert.Equal(1, bench.Controller.Undone);
    }

    // RFC 9002, 6.4.
    [Fact]
    public void ADiscardedSpaceCountsForNothing()
    {
        RecoveryBench bench = new();
        bench.Send(3, PacketSpaceId.Initial);
        bench.Send(2, PacketSpaceId.Handshake);
        bench.Recovery.Discard(PacketSpaceId.Initial);
        Assert.Equal(2400, bench.Recovery.BytesInFlight);
        bench.Recovery.Discard(PacketSpaceId.Handshake);
        Assert.Equal(0, bench.Recovery.BytesInFlight);
        Assert.True(bench.Recovery.Deadline.IsNever);
        Assert.Empty(bench.Lost);
    }

    [Fact]
    public void WhatTheServerRefusedGoesAgain()
    {
        _bench.Send(3);
        Recovery.ForgetAll(PacketSpaceId.Application);
        Assert.Equal([1, 2, 3], _bench.Lost);
        Assert.Equal(0, Recovery.BytesInFlight);
        Assert.True(Recovery.Deadline.IsNever);
    }

    [Fact]
    public void ALostMtuProbeIsNoCongestion()
    {
        PacketNumberSpace space = Recovery[PacketSpaceId.Application];
        QuicSentPacket probe = Recovery.Rent();
        (probe.Number, probe.Space, probe.Size) = (space.NextNumber, PacketSpaceId.Application, 1450);
        (probe.IsMtuProbe, probe.IsInFlight, probe.IsAckEliciting) = (true, true, true);
        Recovery.OnSent(probe, _bench.Now);
        _bench.Send(4);
        _bench.Wait(Rtt);
        _bench.Ack((2, 5));
        Assert.Empty(_bench.Controller.Losses);
        Assert.Equal(0, Recovery.BytesInFlight);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ATimeInWhichThisSideDidNotRunIsInNoSample(bool isLost)
    {
        // The largest number of the acknowledgement may be of a packet that was deemed lost, or of one that nobody has to acknowledge.
        long first = Recovery[PacketSpaceId.Application].NextNumber;
        _bench.Send(1);
        if (isLost)
        {
            _bench.Send(5);
            _bench.Wait(10_000);
            _bench.Ack((first + 4, first + 5));
            Assert.Contains(first, _bench.Lost);
        }
        else
        {
            _bench.Send(1, isEliciting: false);
        }

        _bench.Wait(20_000_000);
        Recovery.Shift(20_000_000);
        _bench.Wait(Rtt);
        _bench.Ack(isLost ? (first, first) : (first, first + 1));
        Assert.InRange(Recovery.Rtt.Latest, Rtt, Rtt + 10_000);
        Assert.InRange(Recovery.Rtt.Smoothed, Rtt - 10_000, Rtt + 10_000);
    }

    [Fact]
    public void ADelayedClockLosesNothing()
    {
        _bench.Send(2);
        _bench.Wait(60_000_000);
        Recovery.Shift(60_000_000);
        _bench.Wait(Rtt);
        _bench.Ack((1, 2));
        Assert.Equal(Rtt, Recovery.Rtt.Latest);
        Assert.Equal(0, Recovery.ProbeTimeouts);
    }
}
