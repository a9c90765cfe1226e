using Causeway.Protocol.Streams;

namespace Causeway.Protocol.Tests.Streams;

/// <summary>What one stream holds, and what all of them hold together.</summary>
public sealed class ReceiveBufferTests
{
    private readonly PacketPool _pool = new(track: true);

    [Fact]
    public void SharedAndCopiedPiecesComeOutInOrderAndTheirMemoryComesBack()
    {
        ReceiveMemory memory = new(1 << 20, _pool);
        ReceiveBuffer buffer = default;
        buffer.AppendCopied(memory, [1, 2, 3]);
        buffer.AppendCopied(memory, [4]);
        buffer.AppendShared(memory, Slice(5, 6));
        buffer.AppendCopied(memory, [7]);
        Assert.Equal(7, buffer.Buffered);
        Assert.Equal(7, memory.Taken);

        List<byte> read = [];
        List<int> lengths = [];
        while (buffer.TryRead(memory, out PacketSlice slice))
        {
            read.AddRange(slice.Span);
            lengths.Add(slice.Length);
            slice.Release();
        }

        Assert.Equal([1, 2, 3, 4, 5, 6, 7], read);
        Assert.Equal([4, 2, 1], lengths);
        Assert.Equal(7, memory.Taken);
        buffer.Consume(memory, 3);
        Assert.Equal(4, memory.Taken);
        Assert.Equal(4, buffer.Read);
        buffer.Consume(memory, 4);
        Assert.Equal(0, memory.Taken);
        Assert.Equal(0, memory.Held);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void WhatWasReadStaysValidWhenTheRestIsDiscarded()
    {
        ReceiveMemory memory = new(1 << 20, _pool);
        ReceiveBuffer buffer = default;
        buffer.AppendCopied(memory, [1, 2]);
        Assert.True(buffer.TryRead(memory, out PacketSlice slice));
        buffer.AppendCopied(memory, [3]);
        buffer.AppendShared(memory, Slice(4));
        Assert.Equal(4, buffer.Discard(memory));
        Assert.Equal([1, 2], slice.Span.ToArray());
        slice.Release();
        Assert.Equal(0, memory.Taken);
        Assert.Equal(0, memory.Held);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ACopyLongerThanABufferFillsSeveral()
    {
        ReceiveMemory memory = new(1 << 20, _pool);
        ReceiveBuffer buffer = default;
        byte[] bytes = new byte[3 * _pool.BufferSize];
        new Random(3).NextBytes(bytes);
        buffer.AppendCopied(memory, bytes);
        List<byte> read = [];
        while (buffer.TryRead(memory, out PacketSlice slice))
        {
            read.AddRange(slice.Span);
            slice.Release();
        }

        Assert.Equal(bytes, read);
        buffer.Consume(memory, bytes.Length);
        Assert.Equal(0, memory.Held);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void SmallPayloadsAreCopiedAndSparseOnesOnceMuchIsHeld()
    {
        ReceiveMemory memory = new(4 << 20, _pool);
        Assert.False(memory.ShouldShare(ReceiveMemory.CopyBelow - 1, 2048));
        Assert.True(memory.ShouldShare(ReceiveMemory.CopyBelow, 65536));
        memory.Hold(4 << 20);
        Assert.False(memory.ShouldShare(ReceiveMemory.CopyBelow, 65536));
        Assert.True(memory.ShouldShare(1024, 2048));
    }

    [Fact]
    public void RoomEndsWithTheBytesOrWithTheMemoryThatTheyKeep()
    {
        ReceiveMemory memory = new(1 << 20, _pool);
        memory.Take(1 << 20);
        Assert.False(memory.HasRoom);
        memory.Resize(2 << 20);
        Assert.True(memory.HasRoom);
        Assert.Equal(1 << 20, memory.Tokens);
        memory.Hold(ReceiveMemory.MaxPinFactor * (2 << 20));
        Assert.False(memory.HasRoom);
        memory.Return(1 << 20, ReceiveMemory.MaxPinFactor * (2 << 20));
        Assert.True(memory.HasRoom);
        Assert.Equal(0, memory.Taken);
    }

    [Fact]
    public void QueuesOfOneSlabKeepTheirOrderAndReuseTheirPlaces()
    {
        SliceSlab slab = new();
        SliceQueue[] queues = new SliceQueue[3];
        Queue<byte>[] expected = [new(), new(), new()];
        Random random = new(7);
        for (int i = 0; i < 5000; i++)
        {
            int which = random.Next(3);
            if (random.Next(2) == 0)
            {
                slab.Enqueue(ref queues[which], Slice((byte)i));
                expected[which].Enqueue((byte)i);
            }
            else
            {
                bool any = slab.TryDequeue(ref queues[which], out PacketSlice slice);
                Assert.Equal(expected[which].Count > 0, any);
                if (any)
                {
                    Assert.Equal(expected[which].Dequeue(), slice.Span[0]);
                    slice.Release();
                }
            }

            Assert.Equal(expected[which].Count == 0, queues[which].IsEmpty);
        }

        slab.ReleaseAll();
        _pool.ThrowIfOutstanding();
    }

    private PacketSlice Slice(params ReadOnlySpan<byte> bytes)
    {
        PacketBuffer buffer = _pool.Rent(headroom: 0);
        bytes.CopyTo(buffer.Append(bytes.Length));
        PacketSlice slice = buffer.Slice();
        buffer.Release();
        return slice;
    }
}
