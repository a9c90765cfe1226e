using System.Buffers;

namespace Causeway.Http3.Qpack;

/// <summary>
/// Integers that begin in the low bits of a byte (RFC 7541, 5.1; RFC 9204, 4.1.1): small ones fit there, of larger ones 7 bits
/// follow in each further byte, the lowest first.
/// </summary>
internal static class PrefixedInteger
{
    /// <summary>Bytes of the longest encoding that is written: the prefix and 62 bits.</summary>
    public const int MaxLength = 10;

    // 62 bits must be decodable. They take 9 further bytes.
    private const int MaxShift = 56;
    private const long MaxValue = (1L << 62) - 1;

    /// <summary>Reads an integer and moves past it.</summary>
    /// <param name="source">Begins with the byte that holds the prefix.</param>
    /// <param name="prefixBits">From 3 to 8.</param>
    /// <param name="value">The integer, below 2^62.</param>
    /// <returns>False if the integer is cut off, or larger.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> source, int prefixBits, out long value)
    {
        value = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        int mask = (1 << prefixBits) - 1;
        value = source[0] & mask;
        source = source[1..];
        if (value < mask)
        {
            return true;
        }

        for (int shift = 0; shift <= MaxShift; shift += 7)
        {
            if (source.IsEmpty)
            {
                return false;
            }

            byte next = source[0];
            source = source[1..];
            value += (long)(next & 0x7f) << shift;

            // The last byte can carry the sum past the sign.
            if (value is < 0 or > MaxValue)
            {
                return false;
            }

            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Writes an integer.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="pattern">The bits of the first byte that are not the prefix's.</param>
    /// <param name="prefixBits">From 3 to 8.</param>
    /// <param name="value">The integer.</param>
    public static void Write(ArrayBufferWriter<byte> output, byte pattern, int prefixBits, long value)
    {
        Span<byte> span = output.GetSpan(MaxLength);
        int mask = (1 << prefixBits) - 1;
        if (value < mask)
        {
            span[0] = (byte)(pattern | (byte)value);
            output.Advance(1);
            return;
        }

        span[0] = (byte)(pattern | mask);
        value -= mask;
        int length = 1;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        output.Advance(length);
    }
}
