using Causeway.Protocol;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Recovery;

/// <summary>Both ends of draft-ietf-quic-ack-frequency: what a sender asks for, and what a receiver makes of it.</summary>
public sealed class AckFrequencyRequestTests
{
    private static readonly Timestamp s_now = new(1_000_000);

    private readonly AckFrequencyRequest _request = new();
    private readonly ReceivedPackets _received = new(PacketSpaceId.Application);

    [Fact]
    public void NothingIsAskedOfAPeerThatDoesNotUnderstand()
    {
        _request.Update(100_000_000, 1200);
        Assert.False(_request.IsDue);
    }

    [Fact]
    public void TheRequestFollowsTheWindowByFactorsOfTwo()
    {
        _request.Begin(minAckDelay: 1000, maxAckDelay: 25_000);
        _request.Update(64 * 1200, 1200);
        Assert.False(_request.IsDue);
        _request.Update(128 * 1200, 1200);
        Assert.Equal((0, 4, 25_000, 1), Sent());
        _request.Update(200 * 1200, 1200);
        Assert.False(_request.IsDue);
        _request.Update(10_000 * 1200, 1200);
        Assert.Equal((1, AckFrequencyRequest.MostPackets, 25_000, 1), Sent());
        _request.Update(2 * 1200, 1200);
        Assert.Equal((2, 2, 25_000, 1), Sent());
    }

    [Fact]
    public void ALostRequestGoesAgainUnlessThereIsANewerOne()
    {
        _request.Begin(1000, 25_000);
        _request.Update(10_000 * 1200, 1200);
        Assert.Equal(0, Sent().Sequence);
        _request.OnLost(0);
        Assert.Equal(0, Sent().Sequence);
        _request.Update(2 * 1200, 1200);
        Assert.Equal(1, Sent().Sequence);
        _request.OnLost(0);
        Assert.False(_request.IsDue);
    }

    [Fact]
    public void ARequestWithoutRoomWaits()
    {
        _request.Begin(1000, 25_000);
        _request.Update(10_000 * 1200, 1200);
        Assert.Equal(0, _request.Write(new byte[3], out _));
        Assert.True(_request.IsDue);
    }

    [Fact]
    public void AsManyPacketsWaitAsWereAskedFor()
    {
        _received.OnRequest(threshold: 9, maxDelay: 5000, reorderingThreshold: 1);
        for (int number = 0; number < 9; number++)
        {
            Add(number);
            Assert.Equal(s_now.AddMicroseconds(5000), _received.DueAt);
        }

        Add(9);
        Assert.Equal(s_now, _received.DueAt);
    }

    [Fact]
    public void NoPacketWaitsIfNoneMay()
    {
        _received.OnRequest(threshold: 0, maxDelay: 5000, reorderingThreshold: 1);
        Add(0);
        Assert.Equal(s_now, _received.DueAt);
    }

    [Fact]
    public void ReorderingIsNotToldIfTheSenderDoesNotCare()
    {
        _received.OnRequest(threshold: 100, maxDelay: 5000, reorderingThreshold: 0);
        Add(0);
        Add(50);
        Add(20);
        Assert.Equal(s_now.AddMicroseconds(5000), _received.DueAt);
    }

    // The example of the draft's section 6.2: which arrivals are acknowledged at once if three packets of reordering are.
    [Fact]
    public void ReorderingIsToldWhenAPacketMayBeDeemedLost()
    {
        _received.OnRequest(threshold: 100, maxDelay: 5000, reorderingThreshold: 3);
        foreach ((long number, bool isTold) in ((long, bool)[])
            [(0, false), (1, false), (3, false), (4, false), (5, true), (8, false), (9, true), (10, true)])
        {
            Add(number);
            Assert.True((_received.DueAt == s_now) == isTold, $"packet {number}");
            if (isTold)
            {
                _received.OnAckSent();
            }
        }
    }

    [Fact]
    public void WhatIsToldOnceIsNotToldWithEachPacket()
    {
        _received.OnRequest(threshold: 100, maxDelay: 5000, reorderingThreshold: 3);
        Add(0);
        Add(4);
        Assert.Equal(s_now, _received.DueAt);
        _received.OnAckSent();
        for (int number = 7; number < 9; number++)
        {
            Add(number);
        }

        Assert.Equal(s_now, _received.DueAt);
        _received.OnAckSent();
        _received.OnAckAcknowledged(8);
        Add(9);
        Assert.Equal(s_now, _received.DueAt);
        _received.OnAckSent();
        for (int number = 10; number < 50; number++)
        {
            Add(number);
            Assert.Equal(s_now.AddMicroseconds(5000), _received.DueAt);
        }
    }

    private void Add(long number) => _received.Add(number, isAckEliciting: true, EcnCodepoint.NotCapable, s_now);

    private (long Sequence, int Packets, long Delay, long Reordering) Sent()
    {
        byte[] bytes = new byte[64];
        int length = _request.Write(bytes, out long sequence);
        FrameReader reader = new(bytes.AsSpan(0, length), takesAckFrequency: true);
        Assert.True(reader.TryRead(out Frame frame));
        AckFrequencyFrame read = frame.AckFrequency;
        Assert.Equal(sequence, read.SequenceNumber);
        Assert.False(_request.IsDue);
        return (read.SequenceNumber, (int)read.AckElicitingThreshold + 1, read.RequestedMaxAckDelay, read.ReorderingThreshold);
    }
}
