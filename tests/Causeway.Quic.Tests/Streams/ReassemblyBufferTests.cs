using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Streams;
using Causeway.TestKit;
using FsCheck.Xunit;

namespace Causeway.Quic.Tests.Streams;

public sealed class ReassemblyBufferTests
{
    /// <summary>Pieces of a stream in any order, overlapping, repeated, some empty, read at any time.</summary>
    [Property(MaxTest = 500)]
    public void EveryByteIsReadOnceAndInOrder(ulong seed, byte pieces, bool tiny)
    {
        SeededRandom random = new(seed);
        PacketPool pool = new(track: true, stackTraces: false);
        SliceSlab slices = new();
        ReassemblyBuffer buffer = default;
        byte[] stream = new byte[1 + random.Next(20_000)];
        random.Fill(stream);
        bool[] arrived = new bool[stream.Length];
        List<byte> read = [];
        for (int i = 0; i <= pieces; i++)
        {
            int offset = random.Next(stream.Length + 1);
            int length = Math.Min(stream.Length - offset, random.Next(tiny ? 20 : 1400));
            Add(ref buffer, slices, pool, stream, offset, length);
            arrived.AsSpan(offset, length).Fill(true);
            Check(ref buffer, arrived, read.Count);
            if (random.Next(3) == 0)
            {
                Read(ref buffer, slices, read, 1 + random.Next(5));
            }
        }

        // Whatever is missing, in pieces of the size of a packet.
        for (int offset = 0; offset < stream.Length; offset += 1200)
        {
            Add(ref buffer, slices, pool, stream, offset, Math.Min(1200, stream.Length - offset));
        }

        Read(ref buffer, slices, read, int.MaxValue);
        Assert.Equal(stream, read);
        Assert.Equal(stream.Length, buffer.ReadOffset);
        Assert.Equal(0, buffer.GapCount);
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void TheFirstCopyOfAByteCounts()
    {
        PacketPool pool = new(track: true, stackTraces: false);
        SliceSlab slices = new();
        ReassemblyBuffer buffer = default;
        Add(ref buffer, slices, pool, "..cd"u8.ToArray(), 2, 2);
        Add(ref buffer, slices, pool, "abXX"u8.ToArray(), 0, 4);
        List<byte> read = [];
        Read(ref buffer, slices, read, int.MaxValue);
        Assert.Equal("abcd"u8.ToArray(), read);
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void MoreGapsThanAllowedAreRefusedAndTakeNothing()
    {
        PacketPool pool = new(track: true, stackTraces: false);
        SliceSlab slices = new();
        ReassemblyBuffer buffer = default;
        byte[] stream = new byte[(2 * ReassemblyBuffer.MostGaps) + 10];
        for (int i = 0; i < ReassemblyBuffer.MostGaps; i++)
        {
            Assert.True(Add(ref buffer, slices, pool, stream, (2 * i) + 1, 1));
        }

        Assert.False(Add(ref buffer, slices, pool, stream, (2 * ReassemblyBuffer.MostGaps) + 1, 1));
        Assert.Equal(ReassemblyBuffer.MostGaps, buffer.GapCount);
        Assert.True(Add(ref buffer, slices, pool, stream, 0, 100));
        Assert.Equal(100, buffer.Ready);
        buffer.Discard(slices, stream.Length);
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void DiscardingGivesEveryBufferBack()
    {
        PacketPool pool = new(track: true, stackTraces: false);
        SliceSlab slices = new();
        ReassemblyBuffer buffer = default;
        byte[] stream = new byte[20_000];
        Add(ref buffer, slices, pool, stream, 0, 10);
        Add(ref buffer, slices, pool, stream, 100, 1000);
        Add(ref buffer, slices, pool, stream, 5000, 7);
        buffer.Discard(slices, 9000);
        pool.ThrowIfOutstanding();
        Assert.Equal(9000, buffer.ReadOffset);

        // What is late is known already.
        Add(ref buffer, slices, pool, stream, 200, 1000);
        pool.ThrowIfOutstanding();
    }

    private static bool Add(ref ReassemblyBuffer buffer, SliceSlab slices, PacketPool pool, byte[] stream, int offset, int length)
    {
        PacketBuffer packet = pool.Rent(headroom: 0);
        packet.Append(7).Fill(0xFF);
        stream.AsSpan(offset, length).CopyTo(packet.Append(length));
        bool isAdded = buffer.TryAdd(slices, pool, packet, 7, offset, length);
        packet.Release();
        return isAdded;
    }

    private static void Read(ref ReassemblyBuffer buffer, SliceSlab slices, List<byte> read, int most)
    {
        for (int i = 0; i < most && buffer.TryRead(slices, out PacketSlice slice); i++)
        {
            read.AddRange(slice.Span);
            slice.Release();
        }
    }

    private static void Check(ref ReassemblyBuffer buffer, bool[] arrived, int read)
    {
        int ready = Array.IndexOf(arrived, false);
        ready = ready < 0 ? arrived.Length : ready;
        Assert.Equal(ready, buffer.ReadyEnd);
        Assert.Equal(read, buffer.ReadOffset);
        int runs = 0;
        for (int i = ready + 1; i < arrived.Length; i++)
        {
            runs += arrived[i] && !arrived[i - 1] ? 1 : 0;
        }

        Assert.Equal(runs, buffer.GapCount);
    }
}
