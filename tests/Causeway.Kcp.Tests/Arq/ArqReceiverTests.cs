using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

/// <summary><see cref="ArqReceiver"/> by itself: order, acknowledgements, ranges, and the window.</summary>
public sealed class ArqReceiverTests : IDisposable
{
    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly ArqStatistics _statistics = new();
    private readonly ArqReceiver _receiver;

    public ArqReceiverTests() => _receiver = new ArqReceiver(new ArqOptions { ReceiveWindow = 4 }, _pool, 0, _statistics);

    [Fact]
    public void SegmentsAreReadInOrder()
    {
        Take(1);
        Assert.Equal((0u, 0, 1), (_receiver.Next, _receiver.UnreadCount, _receiver.OutOfOrderCount));
        Take(0);
        Assert.Equal((2u, 2, 0), (_receiver.Next, _receiver.UnreadCount, _receiver.OutOfOrderCount));
        Assert.Equal([0, 1], ReadAll());
        Assert.Equal(2, _statistics.BytesReceived);
    }

    [Fact]
    public void WhatIsInOrderMayWaitForASecondOneAndAGapMayNot()
    {
        Take(0);
        Assert.True(_receiver.AcksDueAt > Timestamp.FromMilliseconds(1));
        Take(2);
        Assert.Equal(Timestamp.FromMilliseconds(1), _receiver.AcksDueAt);
    }

    [Fact]
    public void DuplicatesAreAcknowledgedAgainAndWhatLiesBeyondTheWindowIsNot()
    {
        Take(0);
        Take(0);
        Take(9);
        Assert.Equal(2, _statistics.Repeated);
        Assert.Equal(2, _receiver.AckCount);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void RangesGoWithTheLastAcknowledgementToWhoUnderstandsThem(bool isFromCauseway, int expected)
    {
        Take(2, isFromCauseway);
        Take(3, isFromCauseway);
        byte[] ranges = new byte[ArqReceiver.MostRangeBytes];
        List<(uint, int)> acks = [];
        while (_receiver.TryPeekAck(isFromCauseway, ranges, out uint sequence, out _, out int bytes))
        {
            acks.Add((sequence, bytes));
            _receiver.PopAck();
        }

        Assert.Equal([(2u, 0), (3u, expected * AckRanges.SizeOf(1))], acks);
        _receiver.EndAcks(Timestamp.FromMilliseconds(1));
        Assert.True(_receiver.AcksDueAt.IsNever);
    }

    [Fact]
    public void AnAcknowledgementThatIsPeekedAtStaysUntilItHasLeft()
    {
        Take(0);
        Assert.True(_receiver.TryPeekAck(tellsRanges: false, default, out uint first, out uint time, out _));
        Assert.True(_receiver.TryPeekAck(tellsRanges: false, default, out uint again, out _, out _));
        Assert.Equal((0u, 7u, 0u), (first, time, again));
    }

    [Fact]
    public void AReportIsDueWhenAClosedWindowOpens()
    {
        for (uint i = 0; i < 4; i++)
        {
            Take(i);
        }

        Assert.Equal(0, _receiver.Free);
        _receiver.OnAdvertised(0);
        Assert.False(_receiver.IsReportDue);
        Assert.Equal(4, ReadAll().Count);
        Assert.True(_receiver.IsReportDue);
        _receiver.OnReported();
        Assert.False(_receiver.IsReportDue);
    }

    public void Dispose()
    {
        _receiver.Clear();
        _pool.ThrowIfOutstanding();
    }

    // A segment whose one byte is its number.
    private void Take(uint sequence, bool isFromCauseway = false)
    {
        PacketBuffer datagram = _pool.Rent();
        datagram.Append(1)[0] = (byte)sequence;
        SegmentHeader header = SegmentHeader.Read(ArqHarness.Segment(SegmentCommand.Push, sequence, time: 7, data: [0]));
        _receiver.Take(in header, datagram, offset: 0, recovered: false, isFromCauseway, Timestamp.FromMilliseconds(1));
        datagram.Release();
    }

    private List<int> ReadAll()
    {
        List<int> bytes = [];
        while (_receiver.TryRead(out PacketSlice slice))
        {
            bytes.Add(slice.Span[0]);
            slice.Release();
        }

        return bytes;
    }
}
