using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Causeway.Kcptun.Compression;

/// <summary>
/// Decompresses snappy's block format (google/snappy, format_description.txt). Made for hostile input: it never throws,
/// never reads or writes outside the spans, and does work in proportion to what it reads and writes.
/// </summary>
internal static class SnappyBlockDecoder
{
    /// <summary>
    /// Room that a destination should have behind the decoded bytes: short elements are then copied as whole vectors.
    /// </summary>
    public const int Slack = 16;

    // The most that one copy element repeats.
    private const int MaxCopy = 64;

    /// <summary>Decodes a whole block.</summary>
    /// <param name="block">The encoded block.</param>
    /// <param name="destination">Where the bytes go. May be written beyond the decoded length.</param>
    /// <param name="maxLength">The most that the block may decode to; at most the destination's length.</param>
    /// <param name="length">The decoded length.</param>
    /// <returns>Whether the block is well-formed and decodes to what its length field says.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> block, Span<byte> destination, int maxLength, out int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxLength, destination.Length);
        length = 0;
        if (!TryReadLength(block, out uint declared, out int read) || declared > (uint)maxLength)
        {
            return false;
        }

        int written = 0;
        while (read < block.Length)
        {
            if (!TryDecodeShortElements(block, destination, declared, ref read, ref written))
            {
                return false;
            }

            if (read < block.Length && !TryDecodeElement(block, destination, declared, ref read, ref written))
            {
                return false;
            }
        }

        length = written;
        return (uint)written == declared;
    }

    /// <summary>
    /// Decodes the elements that nearly all of a block consists of, while every one of them has to fit: one comparison
    /// for an element instead of one for each of its parts. Stops before what it leaves to
    /// <see cref="TryDecodeElement"/>.
    /// </summary>
    private static bool TryDecodeShortElements(
        ReadOnlySpan<byte> block, Span<byte> destination, uint declared, ref int read, ref int written)
    {
        // A tag and what follows it are read as up to 1 + 16 bytes, and up to 64 are written, in whole vectors.
        int lastRead = block.Length - 1 - Slack;
        int lastWritten = Math.Min((int)declared, destination.Length - Slack) - MaxCopy;
        ref byte input = ref MemoryMarshal.GetReference(block);
        ref byte output = ref MemoryMarshal.GetReference(destination);
        int from = read;
        int to = written;
        bool valid = true;
        while (from <= lastRead && to <= lastWritten)
        {
            uint tag = Unsafe.Add(ref input, from);
            uint kind = tag & 3;
            if (kind == 0)
            {
                int literal = (int)(tag >> 2) + 1;
                if (literal > Slack)
                {
                    break;
                }

                Vector128.LoadUnsafe(ref input, (uint)(from + 1)).StoreUnsafe(ref output, (uint)to);
                from += 1 + literal;
                to += literal;
                continue;
            }

            uint offset;
            int count;
            if (kind == 1)
            {
                offset = ((tag & 0xE0) << 3) | Unsafe.Add(ref input, from + 1);
                count = 4 + ((int)(tag >> 2) & 7);
                from += 2;
            }
            else if (kind == 2)
            {
                offset = Unsafe.Add(ref input, from + 1) | ((uint)Unsafe.Add(ref input, from + 2) << 8);
                count = 1 + (int)(tag >> 2);
                from += 3;
            }
            else
            {
                break;
            }

            if (offset - 1 >= (uint)to)
            {
                valid = false;
                break;
            }

            RepeatVectors(ref Unsafe.Add(ref output, to), (int)offset, count);
            to += count;
        }

        read = from;
        written = to;
        return valid;
    }

    private static bool TryDecodeElement(
        ReadOnlySpan<byte> block, Span<byte> destination, uint declared, ref int read, ref int written)
    {
        byte tag = block[read++];
        uint room = declared - (uint)written;
        if ((tag & 3) == 0)
        {
            if (!TryReadLiteralLength(block, tag, ref read, out uint literal)
                || literal > (uint)(block.Length - read)
                || literal > room)
            {
                return false;
            }

            block.Slice(read, (int)literal).CopyTo(destination[written..]);
            read += (int)literal;
            written += (int)literal;
            return true;
        }

        if (!TryReadCopy(block, tag, ref read, out uint offset, out int count)
            || offset - 1 >= (uint)written
            || (uint)count > room)
        {
            return false;
        }

        if (destination.Length - written >= MaxCopy + Slack)
        {
            RepeatVectors(ref destination[written], (int)offset, count);
            written += count;
            return true;
        }

        for (int end = written + count; written < end; written++)
        {
            destination[written] = destination[written - (int)offset];
        }

        return true;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> block, out uint length, out int read)
    {
        ulong value = 0;
        for (read = 0; read < block.Length && read < 5; read++)
        {
            byte part = block[read];
            value |= (ulong)(part & 0x7F) << (7 * read);
            if (part < 0x80)
            {
                read++;
                length = (uint)value;
                return value <= uint.MaxValue;
            }
        }

        length = 0;
        return false;
    }

    private static bool TryReadLiteralLength(ReadOnlySpan<byte> block, byte tag, ref int read, out uint length)
    {
        length = (uint)tag >> 2;
        if (length >= 60)
        {
            int bytes = (int)length - 59;
            if (bytes > block.Length - read)
            {
                return false;
            }

            length = 0;
            for (int i = 0; i < bytes; i++)
            {
                length |= (uint)block[read + i] << (8 * i);
            }

            read += bytes;
            if (length == uint.MaxValue)
            {
                return false;
            }
        }

        length++;
        return true;
    }

    private static bool TryReadCopy(ReadOnlySpan<byte> block, byte tag, ref int read, out uint offset, out int length)
    {
        int left = block.Length - read;
        switch (tag & 3)
        {
            case 1 when left >= 1:
                offset = ((uint)(tag & 0xE0) << 3) | block[read];
                length = 4 + ((tag >> 2) & 7);
                read++;
                return true;
            case 2 when left >= 2:
                offset = BinaryPrimitives.ReadUInt16LittleEndian(block[read..]);
                length = 1 + (tag >> 2);
                read += 2;
                return true;
            case 3 when left >= 4:
                offset = BinaryPrimitives.ReadUInt32LittleEndian(block[read..]);
                length = 1 + (tag >> 2);
                read += 4;
                return true;
            default:
                offset = 0;
                length = 0;
                return false;
        }
    }

    /// <summary>
    /// Repeats <paramref name="count"/> (at most 64) bytes from <paramref name="offset"/> bytes before. Writes whole
    /// vectors: up to 16 bytes more than that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RepeatVectors(ref byte to, int offset, int count)
    {
        ref byte from = ref Unsafe.Subtract(ref to, offset);

        // A vector is loaded whole before it is stored, so that of a pattern shorter than a vector its first `offset`
        // bytes are right. With them the pattern has doubled.
        while (offset < Slack && count > 0)
        {
            Vector128.LoadUnsafe(ref from).StoreUnsafe(ref to);
            to = ref Unsafe.Add(ref to, offset);
            count -= offset;
            offset *= 2;
        }

        while (count > 0)
        {
            Vector128.LoadUnsafe(ref from).StoreUnsafe(ref to);
            from = ref Unsafe.Add(ref from, Slack);
            to = ref Unsafe.Add(ref to, Slack);
            count -= Slack;
        }
    }
}
