using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Causeway.Protocol.Crypto;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// A permutation of nonces under a secret key, on batches of them. An instance scrambles or unscrambles, on one thread
/// at a time; two with the same key undo each other's work.
/// </summary>
internal abstract class NoncePermutation : IDisposable
{
    /// <summary>Bytes of the key: that of AES-128.</summary>
    public const int KeyLength = 16;

    /// <summary>
    /// AES itself where the nonce has the size of its block. Scrambling is decryption: a platform does it at full speed for many
    /// nonces ahead, whereas nonces arrive a few at a time, and encryption of a few is what our kernels are fast at.
    /// </summary>
    /// <param name="length">Bytes of a nonce: 8, 12 or 16.</param>
    /// <param name="key"><see cref="KeyLength"/> bytes.</param>
    public static NoncePermutation CreateScrambler(int length, ReadOnlySpan<byte> key) =>
        length == AesBlockCipher.BlockSize ? new AesScrambler(key) : new FeistelPermutation(length, AesBlockCipher.Create(key), undo: false);

    /// <inheritdoc cref="CreateScrambler"/>
    public static NoncePermutation CreateUnscrambler(int length, ReadOnlySpan<byte> key) =>
        length == AesBlockCipher.BlockSize
            ? new AesUnscrambler(AesBlockCipher.Create(key))
            : new FeistelPermutation(length, AesBlockCipher.Create(key), undo: true);

    /// <summary>Permutes each nonce by itself.</summary>
    /// <param name="nonces">One behind the other.</param>
    /// <param name="permuted">Takes as many; apart from <paramref name="nonces"/>.</param>
    public abstract void Apply(ReadOnlySpan<byte> nonces, Span<byte> permuted);

    /// <summary>Forgets the key. Nothing else may be called afterwards.</summary>
    public abstract void Dispose();
}

/// <summary>AES-128 backwards, by the platform.</summary>
internal sealed class AesScrambler : NoncePermutation
{
    private readonly Aes _aes = Aes.Create();
    private readonly ICryptoTransform _decryptor;
    private byte[] _input = [];
    private byte[] _output = [];

    public AesScrambler(ReadOnlySpan<byte> key)
    {
        _aes.SetKey(key);
        _aes.Mode = CipherMode.ECB;
        _aes.Padding = PaddingMode.None;

        // Kept, because the methods for one shot make an object for each call.
        _decryptor = _aes.CreateDecryptor();
    }

    public override void Apply(ReadOnlySpan<byte> nonces, Span<byte> permuted)
    {
        if (_input.Length != nonces.Length)
        {
            _input = new byte[nonces.Length];
            _output = new byte[nonces.Length];
        }

        nonces.CopyTo(_input);
        _decryptor.TransformBlock(_input, 0, _input.Length, _output, 0);
        _output.CopyTo(permuted);
    }

    public override void Dispose()
    {
        _decryptor.Dispose();
        _aes.Dispose();
    }
}

/// <summary>AES-128.</summary>
internal sealed class AesUnscrambler : NoncePermutation
{
    private readonly AesBlockCipher _aes;

    /// <param name="aes">The cipher; the permutation's from here on.</param>
    public AesUnscrambler(AesBlockCipher aes) => _aes = aes;

    public override void Apply(ReadOnlySpan<byte> nonces, Span<byte> permuted)
    {
        nonces.CopyTo(permuted);
        _aes.Encrypt(permuted[..nonces.Length]);
    }

    public override void Dispose() => _aes.Dispose();
}

/// <summary>
/// Nonces shorter than a block of AES: the construction of Luby and Rackoff ("How to construct pseudorandom permutations from
/// pseudorandom functions", SIAM Journal on Computing 17(2), 1988), three rounds of Feistel's network with AES-128 as the function
/// of each round. Three look random to whoever sees what is scrambled (theorem 1); a fourth would be for somebody who can have
/// nonces of his own unscrambled, and nobody can.
/// </summary>
internal sealed class FeistelPermutation : NoncePermutation
{
    private const int Rounds = 3;
    private const int MaxGroup = 64;

    private readonly int _length;
    private readonly int _halfBits;
    private readonly AesBlockCipher _aes;
    private readonly bool _undo;

    /// <param name="length">Bytes of a nonce: 8 or 12.</param>
    /// <param name="aes">The function of the rounds; the permutation's from here on.</param>
    /// <param name="undo">Whether to go backwards.</param>
    public FeistelPermutation(int length, AesBlockCipher aes, bool undo)
    {
        _length = length;
        _halfBits = length * 4;
        _aes = aes;
        _undo = undo;
    }

    public override void Apply(ReadOnlySpan<byte> nonces, Span<byte> permuted)
    {
        int size = MaxGroup * _length;
        for (; nonces.Length > size; nonces = nonces[size..], permuted = permuted[size..])
        {
            ApplyGroup(nonces[..size], permuted);
        }

        ApplyGroup(nonces, permuted);
    }

    public override void Dispose() => _aes.Dispose();

    private void ApplyGroup(ReadOnlySpan<byte> nonces, Span<byte> permuted)
    {
        int count = nonces.Length / _length;
        Span<ulong> low = stackalloc ulong[count];
        Span<ulong> high = stackalloc ulong[count];
        Span<Vector128<ulong>> blocks = stackalloc Vector128<ulong>[count];
        for (int i = 0; i < count; i++)
        {
            (high[i], low[i]) = Read(nonces.Slice(i * _length, _length));
        }

        for (int i = 0; i < Rounds; i++)
        {
            // A half is changed by what AES makes of the other one and of the round's number. The low half of a count, which is
            // the one that differs, goes through AES first.
            int round = _undo ? Rounds - 1 - i : i;
            bool changesHigh = round % 2 == 0;
            MixInto(changesHigh ? high : low, changesHigh ? low : high, (ulong)round, blocks);
        }

        for (int i = 0; i < count; i++)
        {
            Write(permuted.Slice(i * _length, _length), high[i], low[i]);
        }
    }

    private void MixInto(Span<ulong> changed, ReadOnlySpan<ulong> other, ulong round, Span<Vector128<ulong>> blocks)
    {
        // Written and read as whole vectors: a processor forwards these from store to load, and waits where two halves meet.
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = Vector128.Create(other[i], round);
        }

        _aes.Encrypt(MemoryMarshal.AsBytes(blocks));
        ulong mask = ulong.MaxValue >> (64 - _halfBits);
        for (int i = 0; i < blocks.Length; i++)
        {
            changed[i] ^= blocks[i].ToScalar() & mask;
        }
    }

    private static (ulong High, ulong Low) Read(ReadOnlySpan<byte> nonce)
    {
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(nonce);
        return nonce.Length == sizeof(ulong)
            ? (first >> 32, (uint)first)
            : (((ulong)BinaryPrimitives.ReadUInt32LittleEndian(nonce[8..]) << 16) | (first >> 48), first & 0xFFFF_FFFF_FFFF);
    }

    private static void Write(Span<byte> nonce, ulong high, ulong low)
    {
        if (nonce.Length == sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(nonce, low | (high << 32));
            return;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(nonce, low | (high << 48));
        BinaryPrimitives.WriteUInt32LittleEndian(nonce[8..], (uint)(high >> 16));
    }
}
