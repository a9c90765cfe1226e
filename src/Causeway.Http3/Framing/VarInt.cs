using System.Buffers.Binary;
using System.Diagnostics;

namespace Causeway.Http3.Framing;

/// <summary>
/// Variable-length integers (RFC 9000, 16): the two highest bits of the first byte say whether the integer takes 1, 2, 4 or 8
/// bytes. The engine has the same codec, but this package does not depend on an engine.
/// </summary>
internal static class VarInt
{
    /// <summary>The largest value: 2^62 - 1.</summary>
    public const long MaxValue = (1L << 62) - 1;

    /// <summary>Bytes of the longest encoding.</summary>
    public const int MaxLength = 8;

    /// <summary>Bytes of the shortest encoding of a value.</summary>
    public static int Length(long value)
    {
        Debug.Assert(value is >= 0 and <= MaxValue, "the value has no encoding");
        return value switch { <= 63 => 1, <= 16383 => 2, <= 0x3fff_ffff => 4, _ => 8 };
    }

    /// <summary>Reads the integer that a span begins with.</summary>
    /// <returns>Whether the span holds all of it.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out long value, out int length)
    {
        value = 0;
        length = source.IsEmpty ? 1 : 1 << (source[0] >> 6);
        if (source.Length < length)
        {
            return false;
        }

        value = length switch
        {
            1 => source[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3fff,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3fff_ffff,
            _ => BinaryPrimitives.ReadInt64BigEndian(source) & MaxValue,
        };
        return true;
    }

    /// <summary>Writes a value in the fewest bytes; the span has room for them.</summary>
    /// <returns>How many.</returns>
    public static int Write(Span<byte> destination, long value)
    {
        int length = Length(value);
        switch (length)
        {
            case 1:
                destination[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(value | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)(value | 0x8000_0000));
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(destination, (ulong)value | 0xc000_0000_0000_0000);
                break;
        }

        return length;
    }
}
