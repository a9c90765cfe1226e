using Causeway.Kcptun.Compression;
using Causeway.Protocol;

namespace Causeway.Fuzz;

/// <summary>A peer's compressed stream, in pieces of a datagram's size.</summary>
internal static class SnappyTarget
{
    public static IReadOnlyList<byte[]> Seeds()
    {
        using SnappyCodec codec = new(PacketPool.Shared);
        byte[] text = [.. Enumerable.Range(0, 3000).Select(static i => (byte)(i % 61))];
        return [[.. codec.Encode("header"u8, text).ToArray(), .. codec.Encode("header"u8, text.AsSpan(0, 10)).ToArray()]];
    }

    public static void Run(byte[] input)
    {
        using SnappyCodec codec = new(PacketPool.Shared);
        foreach (byte[] piece in input.Chunk(1300))
        {
            PacketBuffer buffer = PacketPool.Shared.Rent();
            piece.CopyTo(buffer.Append(piece.Length));
            codec.Input(buffer.Slice());
            buffer.Release();
            while (codec.TryRead(out PacketSlice slice))
            {
                slice.Release();
            }
        }
    }
}
