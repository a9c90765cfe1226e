namespace Causeway.Http3.Qpack;

/// <summary>
/// The Huffman code of field strings (RFC 7541, appendix B). It is canonical: symbols ordered by length and then by value have
/// consecutive codes, so that the lengths alone define it.
/// </summary>
internal static class HuffmanCode
{
    /// <summary>The symbol that no string may contain, and whose first bits pad the last byte.</summary>
    public const int EndOfString = 256;

    /// <summary>Bits of the shortest code.</summary>
    public const int MinLength = 5;

    /// <summary>Bits of the longest code.</summary>
    public const int MaxLength = 30;

    // One row for 16 symbols.
    private static readonly byte[] s_lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private static readonly uint[] s_codes = new uint[s_lengths.Length];
    private static readonly short[] s_symbolsInOrder = new short[s_lengths.Length];

    // By length: the least value of a 32-bit window whose code is longer, and what to add to a code to get its place in order.
    private static readonly ulong[] s_windowEnds = new ulong[MaxLength + 1];
    private static readonly int[] s_offsets = new int[MaxLength + 1];

    static HuffmanCode()
    {
        uint code = 0;
        int place = 0;
        for (int length = MinLength; length <= MaxLength; length++)
        {
            code <<= 1;
            s_offsets[length] = place - (int)code;
            for (int symbol = 0; symbol < s_lengths.Length; symbol++)
            {
                if (s_lengths[symbol] == length)
                {
                    s_codes[symbol] = code++;
                    s_symbolsInOrder[place++] = (short)symbol;
                }
            }

            s_windowEnds[length] = (ulong)code << (32 - length);
        }
    }

    /// <summary>Bits of a symbol's code.</summary>
    public static int Length(int symbol) => s_lengths[symbol];

    /// <summary>A symbol's code, in the lowest bits.</summary>
    public static uint Code(int symbol) => s_codes[symbol];

    /// <summary>Finds the symbol whose code a window begins with; there is one for any window.</summary>
    public static int Find(uint window, out int length)
    {
        length = MinLength;
        while (window >= s_windowEnds[length])
        {
            length++;
        }

        return s_symbolsInOrder[(int)(window >> (32 - length)) + s_offsets[length]];
    }
}
