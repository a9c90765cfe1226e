using System.Buffers.Binary;

namespace Causeway.TestKit;

/// <summary>
/// An endless run of bytes that is a function of a seed and a position, so that a transfer of any length is checked as
/// it arrives and nobody has to keep what was sent. A byte that is lost, repeated, moved or changed is found at once.
/// </summary>
public sealed class SeededPattern
{
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
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        int offset = (int)(position & 7);
        if (offset != 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Word(position >> 3));
            int head = Math.Min(sizeof(ulong) - offset, destination.Length);
            word.Slice(offset, head).CopyTo(destination);
            destination = destination[head..];
            position += head;
        }

        for (; destination.Length >= sizeof(ulong); destination = destination[sizeof(ulong)..], position += sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, Word(position >> 3));
        }

        if (!destination.IsEmpty)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(word, Word(position >> 3));
            word[..destination.Length].CopyTo(destination);
        }
    }

    /// <summary>Compares bytes that should be those from <paramref name="position"/> on.</summary>
    /// <returns>The index of the first byte that differs, or -1.</returns>
    public int FirstDifference(long position, ReadOnlySpan<byte> bytes)
    {
        Span<byte> expected = stackalloc byte[256];
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

    private ulong Word(long index) => SeededRandom.Mix(_seed + ((ulong)index * 0x9E37_79B9_7F4A_7C15));
}
