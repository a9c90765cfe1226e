using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Causeway.Kcptun.Qpp;

/// <summary>
/// The permutation pads of QPP with their inverses and the start of its generator (docs/wire/kcptun.md 9.1 to 9.3).
/// Computed once for a key and a count, then shared by all streams; immutable.
/// </summary>
/// <remarks>
/// QPP hides little: all streams, in both directions and on both sides, use the same keystream from position 0
/// (docs/wire/kcptun.md 9.5). It is here to talk to peers that have it on. The packet cipher is what protects.
/// </remarks>
public sealed class QppPad
{
    /// <summary>The largest count of pads: it is a 16-bit number, and 0 is not a count.</summary>
    public const int MaxCount = 65535;

    /// <summary>
    /// Bytes of key from which on a pad can be any of the 256! permutations: 1684 bits (docs/wire/kcptun.md 9.1).
    /// </summary>
    public const int RecommendedKeyLength = 211;

    /// <summary>The count of pads below which the reference warns.</summary>
    public const int RecommendedMinCount = 7;

    internal const int PadLength = 256;

    private const int Chunks = 7;
    private const int ChunkLength = 32;

    // Pads computed at once: what AES works on stays in the first level cache, and a call has enough blocks to be worth
    // it.
    private const int BatchPads = 256;

    private readonly byte[] _pads;
    private readonly byte[] _inverses;
    private readonly Xoshiro256 _generator;

    /// <summary>Computes the pads: about 10 ms for 61 of them.</summary>
    /// <param name="key">The pre-shared key as text in UTF-8, not the key derived from it; may be empty.</param>
    /// <param name="count">The number of pads (option <c>QPPCount</c>), 1 to 65535.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is out of range.</exception>
    public QppPad(ReadOnlySpan<byte> key, int count)
    {
        if (count is < 1 or > MaxCount)
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, $"QPPCount must be 1 to {MaxCount}.");
        }

        Count = count;
        _pads = GC.AllocateUninitializedArray<byte>(count * PadLength);
        _inverses = GC.AllocateUninitializedArray<byte>(count * PadLength);
        byte[] chunks = SeedChunks(key);
        FillPads(chunks);
        FillInverses();
        _generator = FirstGenerator(key);
        CryptographicOperations.ZeroMemory(chunks);
    }

    /// <summary>The number of pads.</summary>
    public int Count { get; }

    internal ReadOnlySpan<byte> Pads => _pads;

    internal ReadOnlySpan<byte> Inverses => _inverses;

    /// <summary>The generator at its start: its next output is for stream bytes 0 to 7.</summary>
    internal Xoshiro256 Generator => _generator;

    /// <summary>What the reference warns about at start (docs/wire/kcptun.md 9.5); empty if all is well.</summary>
    /// <param name="keyLength">Bytes of the key in UTF-8.</param>
    /// <param name="count">The number of pads.</param>
    public static IReadOnlyList<string> Warnings(int keyLength, int count)
    {
        List<string> warnings = [];
        if (keyLength < RecommendedKeyLength)
        {
            warnings.Add($"QPP: the key has {keyLength} bytes; {RecommendedKeyLength} or more give it full strength");
        }

        if (count < RecommendedMinCount)
        {
            warnings.Add($"QPP: QPPCount is {count}; it should be {RecommendedMinCount} or more");
        }

        if (count % 2 == 0)
        {
            warnings.Add($"QPP: QPPCount is {count}; it should be odd, to have no divisor in common with 8");
        }

        return warnings;
    }

    /// <summary>Makes the cipher of one stream.</summary>
    public QppStreamCipher CreateCipher() => new(this);

    /// <summary>
    /// Spec 9.1: the key, stretched if it is short, repeated over seven chunks, each of them derived.
    /// </summary>
    internal static byte[] SeedChunks(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> label = "___QUANTUM_PERMUTATION_PAD_SEED_DERIVE___"u8;
        ReadOnlySpan<byte> seed = key.Length < ChunkLength ? Derive(key, label, 128) : key;
        byte[] chunks = new byte[Chunks * ChunkLength];
        for (int i = 0; i < chunks.Length; i++)
        {
            chunks[i] = seed[i % seed.Length];
        }

        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            Span<byte> bytes = chunks.AsSpan(chunk * ChunkLength, ChunkLength);
            Derive(bytes, label, 1024).CopyTo(bytes);
        }

        return chunks;
    }

    // The format prescribes HMAC-SHA1 (docs/wire/kcptun.md 9).
    private static byte[] Derive(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA1, ChunkLength);

    /// <summary>Spec 9.3: the generator's state, derived from the key as it was given.</summary>
    private static Xoshiro256 FirstGenerator(ReadOnlySpan<byte> key)
    {
        byte[] selector = HMACSHA256.HashData(key, "PERMUTATION_MATRIX_SELECTOR"u8);
        byte[] state = Derive(selector, "___QUANTUM_PERMUTATION_PAD_PRNG_SALT___"u8, 128);
        return new Xoshiro256(state);
    }

    /// <summary>
    /// Spec 9.2. The steps of one pad depend on one another, but pads do not: each call encrypts the sums of a whole
    /// batch under one key.
    /// </summary>
    private void FillPads(ReadOnlySpan<byte> chunks)
    {
        ICryptoTransform[] ciphers = MakeCiphers(chunks);
        byte[] sums = new byte[Math.Min(Count, BatchPads) * ChunkLength];
        for (int first = 0; first < Count; first += BatchPads)
        {
            int pads = Math.Min(Count - first, BatchPads);
            for (int i = 0; i < pads; i++)
            {
                int pad = first + i;
                byte[] message = Encoding.ASCII.GetBytes("QPP_" + pad.ToString("b", CultureInfo.InvariantCulture));
                ReadOnlySpan<byte> key = chunks.Slice(pad % Chunks * ChunkLength, ChunkLength);
                HMACSHA256.HashData(key, message, sums.AsSpan(i * ChunkLength));
            }

            Shuffle(ciphers, sums, _pads.AsSpan(first * PadLength, pads * PadLength));
        }

        CryptographicOperations.ZeroMemory(sums);
        foreach (ICryptoTransform cipher in ciphers)
        {
            cipher.Dispose();
        }
    }

    // Single blocks, because each sum is a state to be stirred, not a message (docs/wire/kcptun.md 9.2).
    private static ICryptoTransform[] MakeCiphers(ReadOnlySpan<byte> chunks)
    {
        ReadOnlySpan<byte> label = "___QUANTUM_PERMUTATION_PAD_SHUFFLE_SALT___"u8;
        ICryptoTransform[] ciphers = new ICryptoTransform[Chunks];
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            using Aes aes = Aes.Create();
            aes.Mode = CipherMode.ECB;
            aes.Padding = PaddingMode.None;
            byte[] key = Derive(chunks.Slice(chunk * ChunkLength, ChunkLength), label, 128);
            aes.Key = key;
            CryptographicOperations.ZeroMemory(key);
            ciphers[chunk] = aes.CreateEncryptor();
        }

        return ciphers;
    }

    private static void Shuffle(ICryptoTransform[] ciphers, byte[] sums, Span<byte> pads)
    {
        int count = pads.Length / PadLength;
        for (int i = 0; i < pads.Length; i++)
        {
            pads[i] = (byte)i;
        }

        for (int last = PadLength - 1; last > 0; last--)
        {
            foreach (ICryptoTransform cipher in ciphers)
            {
                cipher.TransformBlock(sums, 0, count * ChunkLength, sums, 0);
            }

            for (int i = 0; i < count; i++)
            {
                Span<byte> pad = pads.Slice(i * PadLength, PadLength);
                int other = Remainder(sums.AsSpan(i * ChunkLength, ChunkLength), (uint)last + 1);
                (pad[last], pad[other]) = (pad[other], pad[last]);
            }
        }
    }

    /// <summary>A big-endian number of 256 bits modulo a small one.</summary>
    private static int Remainder(ReadOnlySpan<byte> number, uint divisor)
    {
        ulong remainder = 0;
        for (; number.Length > 0; number = number[sizeof(uint)..])
        {
            remainder = ((remainder << 32) | BinaryPrimitives.ReadUInt32BigEndian(number)) % divisor;
        }

        return (int)remainder;
    }

    private void FillInverses()
    {
        for (int start = 0; start < _pads.Length; start += PadLength)
        {
            for (int value = 0; value < PadLength; value++)
            {
                _inverses[start + _pads[start + value]] = (byte)value;
            }
        }
    }
}
