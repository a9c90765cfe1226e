using Causeway.Protocol;
using Causeway.Quic.Recovery;

namespace Causeway.Quic.Tests.Datagrams;

/// <summary>Datagrams that wait, and those with a deadline that are kept to go again (RFC 9221).</summary>
public sealed class DatagramQueuesTests : IDisposable
{
    private const int OneWay = 20_000;

    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly DatagramQueues _queues = new(capacity: 4) { PeerLimit = 1000, OneWay = OneWay };
    private readonly byte[] _room = new byte[1200];
    private Timestamp _now = new(1_000_000);

    public void Dispose()
    {
        _queues.Dispose();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void WhatCannotArriveInTimeDoesNotLeave()
    {
        Send(deadlineAfter: OneWay);
        Send(deadlineAfter: OneWay - 1);
        Assert.Equal(_now.AddMicroseconds(1), _queues.NextDeadline);
        Assert.Single(Write());
        Assert.Equal((1, 0), (_queues.Late, _queues.Overflowed));
        Assert.False(_queues.HasDeadlines);
        Assert.True(_queues.NextDeadline.IsNever);
    }

    [Fact]
    public void TheOldestMakesRoom()
    {
        for (int i = 0; i < 6; i++)
        {
            Send(deadlineAfter: i < 3 ? 1_000_000 : null);
        }

        Assert.Equal((0, 2), (_queues.Late, _queues.Overflowed));
        Assert.True(_queues.HasDeadlines);
        Assert.Equal(4, Write().Length);
        Assert.False(_queues.HasDeadlines);
    }

    [Fact]
    public void OneWithADeadlineGoesAgainUntilItArrivesOrIsLate()
    {
        Send(deadlineAfter: 100_000);
        Send(deadlineAfter: null);
        SentFrame[] frames = Write();
        Assert.Equal([1, 0], frames.Select(static frame => frame.Value));
        Assert.Equal(_now.AddMicroseconds(100_000), _queues.WrittenDeadline);
        foreach (SentFrame lost in frames)
        {
            _queues.OnLost(lost.Value, _now);
        }

        _now = _now.AddMicroseconds(50_000);
        SentFrame again = Assert.Single(Write());
        Assert.Equal((1, 0), (_queues.Repeated, _queues.Late));
        _now = _now.AddMicroseconds(40_000);
        _queues.OnLost(again.Value, _now);
        Assert.False(_queues.HasOutput(_now));
        Assert.Equal((1, 1), (_queues.Repeated, _queues.Late));

        Send(deadlineAfter: 100_000);
        SentFrame arrived = Assert.Single(Write());
        _queues.OnAcknowledged(arrived.Value);
        _queues.OnLost(arrived.Value, _now);
        Assert.False(_queues.HasOutput(_now));
    }

    [Fact]
    public void NothingIsKeptWhereSomebodyElseRepeats()
    {
        _queues.KeepsForRepeat = false;
        Send(deadlineAfter: 100_000);
        Assert.Equal(0, Assert.Single(Write()).Value);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void NoMoreThanSixtyFourAreKept()
    {
        for (int i = 0; i < 100; i++)
        {
            Send(deadlineAfter: 1_000_000);
            Write();
        }

        Assert.Equal(64, _pool.Outstanding);
        _queues.OnLost(36, _now);
        Assert.False(_queues.HasOutput(_now));
        _queues.OnLost(37, _now);
        Assert.True(_queues.HasOutput(_now));
    }

    private void Send(int? deadlineAfter)
    {
        PacketBuffer bytes = _pool.Rent(headroom: 0);
        bytes.Append(10).Clear();
        _queues.Send(bytes, deadlineAfter is { } limit ? _now.AddMicroseconds(limit) : Timestamp.Never);
    }

    private SentFrame[] Write()
    {
        QuicSentPacket packet = new();
        _queues.Write(_room, packet, _now);
        return packet.Frames.ToArray();
    }
}
