using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class SendRingTests
{
    private const int SegmentSize = 100;
    private readonly PacketPool _pool = new(track: true);

    [Theory]
    [InlineData(0u)]
    [InlineData(uint.MaxValue - 5)]
    public void BytesKeepTheirOrderHoweverTheyAreWritten(uint first)
    {
        SendRing ring = new(_pool, SegmentSize, first);
        Random random = new(1);
        List<byte> written = [];
        foreach (int length in new[] { 30, 50, 20, 250, 1, 0, 99, 700 })
        {
            byte[] bytes = new byte[length];
            random.NextBytes(bytes);
            written.AddRange(bytes);
            ring.Write(bytes);
        }

        Assert.Equal((12, 0, 12, 1150), (ring.UnsentCount, ring.SentCount, ring.Count, (int)ring.UnsentBytes));
        Assert.Equal(50, ring.TailRoom);
        List<byte> read = [];
        for (uint sequence = first; sequence != ring.End; sequence++)
        {
            Assert.Equal(sequence, ring[sequence].Sequence);
            read.AddRange(ring[sequence].Buffer!.Payload.ToArray());
        }

        Assert.Equal(written, read);
        ring.Clear();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ASegmentThatLeftIsNotFilledUp()
    {
        SendRing ring = new(_pool, SegmentSize, 0);
        ring.Write(new byte[10]);
        Send(ring, 1);
        Assert.Equal((0, 0L), (ring.TailRoom, ring.UnsentBytes));
        ring.Write(new byte[10]);
        Assert.Equal((2, 10, 10), (ring.Count, ring[0].Length, ring[1].Length));
        Assert.Equal(90, ring.TailRoom);
        ring.Clear();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AWindowThatMovesKeepsItsSegmentsWhileTheRingGrows()
    {
        SendRing ring = new(_pool, SegmentSize, uint.MaxValue - 100);
        uint marked = 0;
        for (int round = 0; round < 500; round++)
        {
            ring.Write(BitConverter.GetBytes(marked++));
            Send(ring, 1);
            ring.Write(BitConverter.GetBytes(marked++));
            Send(ring, 1);
            Acknowledge(ring, ring.Unacknowledged);
        }

        Assert.Equal(500, ring.SentCount);
        for (uint sequence = ring.Unacknowledged, expected = 500; sequence != ring.Next; sequence++, expected++)
        {
            Assert.Equal(expected, BitConverter.ToUInt32(ring[sequence].Buffer!.Payload));
        }

        ring.Clear();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void RunsOfAcknowledgedSegmentsAreSkippedInFewSteps()
    {
        SendRing ring = new(_pool, SegmentSize, 0);
        for (int i = 0; i < 1000; i++)
        {
            ring.Write(new byte[SegmentSize]);
        }

        Send(ring, 1000);
        for (uint sequence = 1; sequence < 999; sequence++)
        {
            Mark(ring[sequence]);
        }

        Assert.Equal(0u, ring.SkipAcknowledged(0, out _));
        Assert.Equal(999u, ring.SkipAcknowledged(1, out int first));
        Assert.Equal(999u, ring.SkipAcknowledged(1, out int second));
        Assert.InRange(second, 1, (first / 2) + 1);
        for (int i = 0; i < 10; i++)
        {
            ring.SkipAcknowledged(1, out second);
        }

        Assert.InRange(second, 1, 3);
        Mark(ring[999]);
        Assert.Equal(ring.Next, ring.SkipAcknowledged(1, out _));
        Mark(ring[0]);
        for (int i = 0; i < 1000; i++)
        {
            ring.RemoveFirst();
        }

        Assert.Equal((0, 1000u), (ring.Count, ring.Unacknowledged));
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AnEmptyRingCanBeTrimmedAndUsedOn()
    {
        SendRing ring = new(_pool, SegmentSize, 7);
        for (int i = 0; i < 300; i++)
        {
            ring.Write(new byte[SegmentSize]);
        }

        Send(ring, 300);
        int grown = ring.Capacity;
        ring.Trim();
        Assert.Equal(grown, ring.Capacity);
        for (int i = 0; i < 300; i++)
        {
            Acknowledge(ring, ring.Unacknowledged);
        }

        ring.Trim();
        Assert.InRange(ring.Capacity, 1, 16);
        ring.Write(BitConverter.GetBytes(4711));
        Assert.Equal(4711, BitConverter.ToInt32(ring[307].Buffer!.Payload));
        ring.Clear();
        _pool.ThrowIfOutstanding();
    }

    private static void Send(SendRing ring, int count)
    {
        for (int i = 0; i < count; i++)
        {
            SendSegment segment = ring[ring.Next];
            segment.State = SendState.InFlight;
            ring.AdvanceNext(segment);
        }
    }

    private static void Acknowledge(SendRing ring, uint sequence)
    {
        Mark(ring[sequence]);
        ring.RemoveFirst();
    }

    private static void Mark(SendSegment segment)
    {
        segment.State = SendState.Acknowledged;
        segment.SkipTo = segment.Sequence + 1;
        segment.Buffer!.Release();
        segment.Buffer = null;
    }
}
