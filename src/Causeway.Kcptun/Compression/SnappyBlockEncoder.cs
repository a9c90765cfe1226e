using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Causeway.Kcptun.Compression;

/// <summary>
/// Compresses blocks of at most 65536 bytes into snappy's block format (google/snappy, format_description.txt). Blocks
/// are independent of one another; the instance only keeps its table between them. For one thread at a time.
/// </summary>
internal sealed class SnappyBlockEncoder
{
    /// <summary>The largest block; offsets then fit the two-byte copy element.</summary>
    public const int MaxBlock = 65536;

    // 32 KiB of table: positions of a frame of 8 KiB hardly collide, and it stays in the first level cache.
    private const int TableBits = 13;

    // A match starts this far before the end, so that words can be read behind it without looking where the end is.
    private const int EndMargin = 15;

    // Entries are position + _origin. The origin moves past each block, so that what older blocks left is told from
    // this block's by a comparison and the table need not be cleared for each, often small, frame.
    private readonly uint[] _table = new uint[1 << TableBits];
    private uint _origin;

    /// <param name="origin">Where positions start; only tests that look at the wrap have a reason to choose.</param>
    public SnappyBlockEncoder(uint origin = 1)
    {
        _origin = origin;
    }

    /// <summary>The largest encoded size of <paramref name="length"/> bytes; literals alone need less.</summary>
    public static int MaxEncodedLength(int length) => 32 + length + (length / 6);

    /// <summary>Encodes a block, unless that takes more than <paramref name="limit"/> bytes.</summary>
    /// <param name="source">1 to 65536 bytes.</param>
    /// <param name="destination">At least <see cref="MaxEncodedLength"/> of the source's length, apart from it.</param>
    /// <param name="limit">The encoded size from which on it is not worth it.</param>
    /// <returns>The encoded size, or 0 if it would be larger than <paramref name="limit"/>.</returns>
    public int Encode(ReadOnlySpan<byte> source, Span<byte> destination, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, MaxBlock, nameof(source));
        ArgumentOutOfRangeException.ThrowIfLessThan(
            destination.Length, MaxEncodedLength(source.Length), nameof(destination));
        uint origin = NextOrigin(source.Length);
        int lastStart = source.Length - EndMargin - 1;
        int written = WriteLength(destination, (uint)source.Length);
        int emitted = 0;
        int position = 0;
        while (TryFindMatch(source, origin, lastStart, ref position, out int candidate))
        {
            ReadOnlySpan<byte> literal = source[emitted..position];
            if (written + literal.Length > limit)
            {
                return 0;
            }

            written = WriteLiteral(literal, source.Length - emitted, destination, written);
            do
            {
                int length = sizeof(uint) + CommonLength(source, candidate + sizeof(uint), position + sizeof(uint));
                written = WriteCopy(destination, written, position - candidate, length);
                position += length;
                emitted = position;
            }
            while (position <= lastStart && TryMatchAt(source, origin, position, out candidate));

            position++;
        }

        int rest = source.Length - emitted;
        if (written + rest > limit)
        {
            return 0;
        }

        written = WriteLiteral(source[emitted..], rest, destination, written);
        return written <= limit ? written : 0;
    }

    /// <summary>
    /// Moves <paramref name="position"/> to the next place whose four bytes occurred before. The step grows with the
    /// distance searched in vain: incompressible bytes are skipped rather than looked at.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindMatch(
        ReadOnlySpan<byte> source, uint origin, int lastStart, ref int position, out int candidate)
    {
        ref byte input = ref MemoryMarshal.GetReference(source);
        ref uint table = ref MemoryMarshal.GetArrayDataReference(_table);
        int at = position;
        int skip = 32;
        while (at <= lastStart)
        {
            uint word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, at));
            ref uint entry = ref Unsafe.Add(ref table, Hash(word));
            uint found = entry;
            entry = origin + (uint)at;
            if (found >= origin && Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, found - origin)) == word)
            {
                position = at;
                candidate = (int)(found - origin);
                return true;
            }

            int step = skip >> 5;
            at += step;
            skip += step;
        }

        candidate = 0;
        return false;
    }

    /// <summary>
    /// Whether another match follows right behind one; also remembers the place before, which none did yet.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMatchAt(ReadOnlySpan<byte> source, uint origin, int position, out int candidate)
    {
        ref byte input = ref MemoryMarshal.GetReference(source);
        ref uint table = ref MemoryMarshal.GetArrayDataReference(_table);
        uint before = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, position - 1));
        Unsafe.Add(ref table, Hash(before)) = origin + (uint)(position - 1);
        uint word = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, position));
        ref uint entry = ref Unsafe.Add(ref table, Hash(word));
        uint found = entry;
        entry = origin + (uint)position;
        candidate = (int)(found - origin);
        return found >= origin
            && Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref input, found - origin)) == word;
    }

    private uint NextOrigin(int length)
    {
        if (_origin > uint.MaxValue - (2 * MaxBlock))
        {
            Array.Clear(_table);
            _origin = 1;
        }

        uint origin = _origin;
        _origin += (uint)length;
        return origin;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(uint word) => unchecked(word * 0x1E35A7BD) >> (32 - TableBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CommonLength(ReadOnlySpan<byte> source, int candidate, int position)
    {
        ref byte input = ref MemoryMarshal.GetReference(source);
        int start = position;
        while (position <= source.Length - sizeof(ulong))
        {
            ulong difference = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref input, position))
                ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref input, candidate));
            if (difference != 0)
            {
                int same = BitConverter.IsLittleEndian
                    ? BitOperations.TrailingZeroCount(difference)
                    : BitOperations.LeadingZeroCount(difference);
                return position - start + (same >> 3);
            }

            position += sizeof(ulong);
            candidate += sizeof(ulong);
        }

        while (position < source.Length && source[position] == source[candidate])
        {
            position++;
            candidate++;
        }

        return position - start;
    }

    private static int WriteLength(Span<byte> destination, uint length)
    {
        int written = 0;
        while (length >= 0x80)
        {
            destination[written++] = (byte)(length | 0x80);
            length >>= 7;
        }

        destination[written++] = (byte)length;
        return written;
    }

    /// <param name="literal">The bytes, may be none.</param>
    /// <param name="readable">Bytes of the source from the literal's first on.</param>
    /// <param name="destination">The encoded block.</param>
    /// <param name="written">Where its next element begins.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WriteLiteral(ReadOnlySpan<byte> literal, int readable, Span<byte> destination, int written)
    {
        int length = literal.Length;
        if (length == 0)
        {
            return written;
        }

        if (length <= 60)
        {
            destination[written++] = (byte)((length - 1) << 2);
        }
        else if (length <= 256)
        {
            destination[written++] = 60 << 2;
            destination[written++] = (byte)(length - 1);
        }
        else
        {
            destination[written++] = 61 << 2;
            BinaryPrimitives.WriteUInt16LittleEndian(destination[written..], (ushort)(length - 1));
            written += 2;
        }

        if (length <= Vector128<byte>.Count && readable >= Vector128<byte>.Count)
        {
            Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(literal))
                .CopyTo(destination.Slice(written, Vector128<byte>.Count));
        }
        else
        {
            literal.CopyTo(destination[written..]);
        }

        return written + length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WriteCopy(Span<byte> destination, int written, int offset, int length)
    {
        // One element carries at most 64. The last must not be left with fewer than 4, which the short form cannot say.
        while (length >= 68)
        {
            written = WriteLongCopy(destination, written, offset, 64);
            length -= 64;
        }

        if (length > 64)
        {
            written = WriteLongCopy(destination, written, offset, 60);
            length -= 60;
        }

        if (length >= 12 || offset >= 2048)
        {
            return WriteLongCopy(destination, written, offset, length);
        }

        destination[written + 1] = (byte)offset;
        destination[written] = (byte)(((offset >> 8) << 5) | ((length - 4) << 2) | 1);
        return written + 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WriteLongCopy(Span<byte> destination, int written, int offset, int length)
    {
        destination[written] = (byte)(((length - 1) << 2) | 2);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[(written + 1)..], (ushort)offset);
        return written + 3;
    }
}
