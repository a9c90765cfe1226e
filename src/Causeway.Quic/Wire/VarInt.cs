using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Causeway.Quic.Wire;

/// <summary>
/// Variable-length integers (RFC 9000, 16): the two highest bits of the first byte say whether the integer takes 1, 2,
/// 4 or 8 bytes. Values fit into a <see cref="long"/>.
/// </summary>
internal static class VarInt
{
    /// <summary>The largest value: 2^62 - 1.</summary>
    public const long MaxValue = (long)QuicLimits.MaxVarInt;

    /// <summary>Bytes of the longest encoding.</summary>
    public const int MaxLength = 8;

    /// <summary>The largest value that fits into two bytes.</summary>
    public const int MaxTwoByteValue = 16383;

    /// <summary>Bytes of the shortest encoding of a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length(long value)
    {
        Debug.Assert(value is >= 0 and <= MaxValue, "the value has no encoding");
        return value <= 63 ? 1 : value <= MaxTwoByteValue ? 2 : value <= 0x3fff_ffff ? 4 : 8;
    }

    /// <summary>Bytes of the encoding that begins with this byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LengthByFirst(byte first) => 1 << (first >> 6);

    /// <summary>Reads the integer that a span begins with.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="value">The value.</param>
    /// <param name="length">Bytes of its encoding, which need not be the shortest.</param>
    /// <returns>Whether the span holds all of it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> source, out long value, out int length)
    {
        if (!source.IsEmpty && source[0] < 0x40)
        {
            value = source[0];
            length = 1;
            return true;
        }

        return TryReadLong(source, out value, out length);
    }

    /// <summary>Writes a value in the fewest bytes.</summary>
    /// <returns>How many; 0 if there is no room for them.</returns>
    public static int Write(Span<byte> destination, long value) => Write(destination, value, Length(value));

    /// <summary>Writes a value in a given number of bytes, for a length that is known only later.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="value">A value that fits into so many bytes.</param>
    /// <param name="length">1, 2, 4 or 8.</param>
    /// <returns>The length; 0 if there is no room for it.</returns>
    public static int Write(Span<byte> destination, long value, int length)
    {
        Debug.Assert(length is 1 or 2 or 4 or 8, "there are four lengths");
        Debug.Assert(Length(value) <= length, "the value does not fit");
        if (destination.Length < length)
        {
            return 0;
        }

        switch (length)
        {
            case 1:
                destination[0] = (byte)value;
                return 1;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                return 2;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(value | 0x8000_0000));
                return 4;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)value | 0xc000_0000_0000_0000);
                return 8;
        }
    }

    private static bool TryReadLong(ReadOnlySpan<byte> source, out long value, out int length)
    {
        value = 0;
        length = source.IsEmpty ? 1 : LengthByFirst(source[0]);
        if (source.Length < length)
        {
            return false;
        }

        value = length switch
        {
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3fff,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3fff_ffff,
            _ => (long)(BinaryPrimitives.ReadUInt64BigEndian(source) & QuicLimits.MaxVarInt),
        };
        return true;
    }
}
