using System.Runtime.Intrinsics;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// The block cipher Speck (Beaulieu and others, "The SIMON and SPECK Families of Lightweight Block Ciphers", 2013) with
/// blocks of 64, 96 or 128 bits: permutations of exactly a nonce's size, which AES has for one of the three only. A block
/// is two words in the low bits of a lane each; four blocks are done side by side.
/// </summary>
/// <remarks>It protects nothing of a user's: see <see cref="NonceMaker"/> for what it is trusted with.</remarks>
internal sealed class Speck
{
    /// <summary>Blocks that are done together.</summary>
    public const int Lanes = 4;

    private const int Alpha = 8;
    private const int Beta = 3;

    private readonly int _wordBits;
    private readonly Vector256<ulong> _mask;
    private readonly ulong[] _roundKeys;

    /// <param name="wordBits">32, 48 or 64: half of a block.</param>
    /// <param name="key">
    /// <see cref="KeyWords"/> words, for the longest keys that the paper defines. The first is the first round's.
    /// </param>
    public Speck(int wordBits, ReadOnlySpan<ulong> key)
    {
        _wordBits = wordBits;
        ulong mask = ulong.MaxValue >> (64 - wordBits);
        _mask = Vector256.Create(mask);

        // Table 4.1 of the paper: Speck64/128, Speck96/144 and Speck128/256.
        _roundKeys = new ulong[wordBits switch
        {
            32 => 27,
            48 => 29,
            64 => 34,
            _ => throw new ArgumentOutOfRangeException(nameof(wordBits), wordBits, "Words have 32, 48 or 64 bits."),
        }];
        Vector256<ulong>[] later = new Vector256<ulong>[KeyWords(wordBits) - 1];
        for (int i = 0; i < later.Length; i++)
        {
            later[i] = Vector256.Create(key[i + 1] & mask);
        }

        Vector256<ulong> current = Vector256.Create(key[0] & mask);
        for (int i = 0; i < _roundKeys.Length; i++)
        {
            _roundKeys[i] = current.ToScalar();
            Round(ref later[i % later.Length], ref current, Vector256.Create((ulong)i));
        }
    }

    /// <summary>Words of a key for words of that size.</summary>
    public static int KeyWords(int wordBits) => wordBits == 48 ? 3 : 4;

    /// <summary>Encrypts four blocks.</summary>
    public void Encrypt(ref Vector256<ulong> high, ref Vector256<ulong> low)
    {
        Vector256<ulong> x = high;
        Vector256<ulong> y = low;
        foreach (ulong key in _roundKeys)
        {
            Round(ref x, ref y, Vector256.Create(key));
        }

        high = x;
        low = y;
    }

    /// <summary>Decrypts four blocks.</summary>
    public void Decrypt(ref Vector256<ulong> high, ref Vector256<ulong> low)
    {
        Vector256<ulong> x = high;
        Vector256<ulong> y = low;
        ulong[] keys = _roundKeys;
        for (int i = keys.Length - 1; i >= 0; i--)
        {
            y = RotateRight(x ^ y, Beta);
            x = RotateRight(((x ^ Vector256.Create(keys[i])) - y) & _mask, _wordBits - Alpha);
        }

        high = x;
        low = y;
    }

    private void Round(ref Vector256<ulong> high, ref Vector256<ulong> low, Vector256<ulong> key)
    {
        high = ((RotateRight(high, Alpha) + low) & _mask) ^ key;
        low = RotateRight(low, _wordBits - Beta) ^ high;
    }

    private Vector256<ulong> RotateRight(Vector256<ulong> word, int count) =>
        ((word >>> count) | (word << (_wordBits - count))) & _mask;
}
