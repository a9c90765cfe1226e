using Causeway.Protocol;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Recovery;

public sealed class ReceivedPacketsTests
{
    private static readonly Timestamp s_now = new(1_000_000);

    private readonly ReceivedPackets _received = new(PacketSpaceId.Application);

    [Fact]
    public void ASinglePacketIsAcknowledgedAfterTheDelay()
    {
        Add(0);
        Assert.Equal(s_now.AddMicroseconds(25_000), _received.DueAt);
    }

    [Fact]
    public void EverySecondPacketIsAcknowledgedAtOnce()
    {
        Add(0);
        Add(1);
        Assert.Equal(s_now, _received.DueAt);
        _received.OnAckSent();
        Assert.True(_received.DueAt.IsNever);
        Assert.False(_received.HasNews);
    }

    [Fact]
    public void PacketsOutOfOrderAreAcknowledgedAtOnce()
    {
        Add(0);
        _received.OnAckSent();
        Add(2);
        Assert.Equal(s_now, _received.DueAt);
        _received.OnAckSent();
        Add(1);
        Assert.Equal(s_now, _received.DueAt);
    }

    [Fact]
    public void AMarkOfCongestionIsAcknowledgedAtOnce()
    {
        _received.Add(0, isAckEliciting: true, EcnCodepoint.CongestionExperienced, s_now);
        Assert.Equal(s_now, _received.DueAt);
        Assert.Equal(new EcnCounts(0, 0, 1), _received.Ecn);
    }

    [Fact]
    public void HandshakePacketsAreAcknowledgedAtOnce()
    {
        ReceivedPackets handshake = new(PacketSpaceId.Handshake);
        handshake.Add(0, isAckEliciting: true, EcnCodepoint.NotCapable, s_now);
        Assert.Equal(s_now, handshake.DueAt);
    }

    [Fact]
    public void PacketsOfAcknowledgementsAloneAskForNone()
    {
        _received.Add(0, isAckEliciting: false, EcnCodepoint.NotCapable, s_now);
        Assert.True(_received.DueAt.IsNever);
        Assert.True(_received.HasNews);
    }

    [Fact]
    public void CopiesAreToldFromNews()
    {
        SeededRandom random = new(5);
        HashSet<long> seen = [];
        for (int i = 0; i < 2000; i++)
        {
            long number = random.Next(300);
            Assert.Equal(!seen.Add(number), _received.IsCopy(number));
            if (!_received.IsCopy(number))
            {
                Add(number);
            }
        }
    }

    [Fact]
    public void WhatFallsOutOfTheRangesCountsAsACopy()
    {
        for (long number = 0; number < 1000; number += 2)
        {
            Add(number);
        }

        Assert.Equal(96, _received.Ranges.Length);
        Assert.True(_received.IsCopy(1));
        Assert.False(_received.IsCopy(999));
        Assert.False(_received.IsCopy(997));
    }

    [Fact]
    public void WhatThePeerKnowsIsNotSaidAgain()
    {
        foreach (long number in (long[])[0, 1, 4, 5, 8, 9])
        {
            Add(number);
        }

        _received.OnAckAcknowledged(5);
        Assert.Equal([new NumberRange(4, 6), new NumberRange(8, 10)], _received.Ranges.ToArray());
        Assert.True(_received.IsCopy(1));

        // It never arrived, and may be late.
        Assert.False(_received.IsCopy(2));
        _received.OnAckAcknowledged(9);
        Assert.Equal([new NumberRange(8, 10)], _received.Ranges.ToArray());
    }

    private void Add(long number) => _received.Add(number, isAckEliciting: true, EcnCodepoint.NotCapable, s_now);
}
