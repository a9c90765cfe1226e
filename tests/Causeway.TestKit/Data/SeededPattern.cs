using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Causeway.TestKit;

/// <summary>
/// An endless run of bytes that is a function of a seed and a position, so that a transfer of any length is checked as
/// it arrives and nobody has to keep what was sent. A byte that is lost, repeated, moved or changed is found at once.
/// </summary>
/// <remarks>
/// The bytes are those of one random page, again and again, each time changed by a key that hashes the seed and the number
/// of the page: an exclusive or for each eight bytes, since a simulation makes and compares every byte that it transfers.
/// </remarks>
public sealed class SeededPattern
{
    private const int PageSize = 1 << 16;

    private static readonly byte[] s_page = MakePage();

    private readonly ulong _seed;

    /// <summary>Makes the pattern of a seed.</summary>
    public SeededPattern(ulong seed)
    {
        _seed = SeededRandom.Mix(seed);
    }

    /// <summary>Writes the bytes from <paramref name="position"/> on.</summary>
    public void Fill(long position, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        while (!destination.IsEmpty)
        {
            int offset = (int)(position % PageSize);
            Span<byte> part = destination[..Math.Min(PageSize - offset, destination.Length)];
            s_page.AsSpan(offset, part.Length).CopyTo(part);

            // The key, turned so that its first byte is the one for the first byte here.
            ulong key = SeededRandom.Mix(_seed ^ (ulong)(position / PageSize));
            ApplyKey(part, ulong.RotateRight(key, 8 * (offset & 7)));
            position += part.Length;
            destination = destination[part.Length..];
        }
    }

    /// <summary>Compares bytes that should be those from <paramref name="position"/> on.</summary>
    /// <returns>The index of the first byte that differs, or -1.</returns>
    public int FirstDifference(long position, ReadOnlySpan<byte> bytes)
    {
        Span<byte> expected = stackalloc byte[2048];
        for (int done = 0; done < bytes.Length; done += expected.Length)
        {
            ReadOnlySpan<byte> part = bytes.Slice(done, Math.Min(expected.Length, bytes.Length - done));
            Fill(position + done, expected[..part.Length]);
            int same = part.CommonPrefixLength(expected[..part.Length]);
            if (same < part.Length)
            {
                return done + same;
            }
        }

        return -1;
    }

    private static void ApplyKey(Span<byte> bytes, ulong key)
    {
        Span<byte> keyBytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(keyBytes, key);
        Vector<ulong> keys = new(MemoryMarshal.Read<ulong>(keyBytes));
        while (bytes.Length >= Vector<byte>.Count)
        {
            Vector<ulong> words = MemoryMarshal.Read<Vector<ulong>>(bytes) ^ keys;
            MemoryMarshal.Write(bytes, in words);
            bytes = bytes[Vector<byte>.Count..];
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= keyBytes[i & 7];
        }
    }

    private static byte[] MakePage()
    {
        byte[] page = new byte[PageSize];
        new SeededRandom(seed: 0x5EED).Fill(page);
        return page;
    }
}
