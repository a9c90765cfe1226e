using System.Diagnostics;

namespace Causeway.Http3.Qpack;

/// <summary>Encodes and decodes strings with the <see cref="HuffmanCode"/> (RFC 7541, 5.2).</summary>
internal static class Huffman
{
    /// <summary>Bytes that a string takes when encoded.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> source)
    {
        long bits = 0;
        foreach (byte symbol in source)
        {
            bits += HuffmanCode.Length(symbol);
        }

        return (int)((bits + 7) / 8);
    }

    /// <summary>The most bytes that so many encoded bytes can stand for.</summary>
    public static int MaxDecodedLength(int encodedLength) => (int)((long)encodedLength * 8 / HuffmanCode.MinLength);

    /// <summary>Encodes a string into exactly <see cref="EncodedLength"/> bytes.</summary>
    public static void Encode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Debug.Assert(destination.Length == EncodedLength(source), "the length is known before");
        ulong pending = 0;
        int bits = 0;
        int written = 0;
        foreach (byte symbol in source)
        {
            // At most 7 bits wait and a code has at most 30, so nothing is shifted out.
            pending = (pending << HuffmanCode.Length(symbol)) | HuffmanCode.Code(symbol);
            bits += HuffmanCode.Length(symbol);
            while (bits >= 8)
            {
                bits -= 8;
                destination[written++] = (byte)(pending >> bits);
            }
        }

        if (bits > 0)
        {
            destination[written] = (byte)((pending << (8 - bits)) | (0xffu >> bits));
        }
    }

    /// <summary>Decodes a string.</summary>
    /// <param name="source">The encoded bytes.</param>
    /// <param name="destination">Room for <see cref="MaxDecodedLength"/> bytes.</param>
    /// <param name="written">How many were written.</param>
    /// <returns>
    /// False if the padding is longer than 7 bits or not of ones, or if the end-of-string symbol occurs: decoding errors (RFC
    /// 7541, 5.2).
    /// </returns>
    public static bool TryDecode(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        written = 0;
        ulong pending = 0;
        int bits = 0;
        int read = 0;
        while (true)
        {
            while (bits <= 56 - 8 && read < source.Length)
            {
                pending = (pending << 8) | source[read++];
                bits += 8;
            }

            if (bits == 0)
            {
                return true;
            }

            // Ones follow the last bits, as they do in the padding.
            uint window = bits >= 32
                ? (uint)(pending >> (bits - 32))
                : (uint)(pending << (32 - bits)) | (uint.MaxValue >> bits);
            int symbol = HuffmanCode.Find(window, out int length);
            if (length > bits)
            {
                return bits < 8 && window == uint.MaxValue;
            }

            if (symbol == HuffmanCode.EndOfString)
            {
                return false;
            }

            destination[written++] = (byte)symbol;
            bits -= length;
        }
    }
}
