using System.Diagnostics;
using System.Security.Cryptography;
using Causeway.Protocol.Crypto;

namespace Causeway.Quic.Protection;

/// <summary>
/// Encrypts server id and nonce of a connection id as one block (draft-ietf-quic-load-balancers, 5.4.1 and 5.4.2): by one pass of
/// AES if the block is as long as one of AES, else by a Feistel network of four. For one thread at a time.
/// </summary>
/// <remarks>It is a permutation: blocks that differ are encrypted to blocks that differ.</remarks>
internal sealed class ConnectionIdCipher : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyLength = 16;

    /// <summary>Bytes of the longest block: those of the longest connection id without its first.</summary>
    public const int MaxLength = 19;

    // Half of the longest block, rounded up.
    private const int MaxHalf = (MaxLength + 1) / 2;
    private const int LengthAt = 14;
    private const int PassAt = 15;
    private const byte UpperBits = 0xf0;
    private const byte LowerBits = 0x0f;

    private readonly AesBlockCipher _cipher;
    private readonly Aes? _aes;
    private readonly ICryptoTransform? _inverse;
    private readonly byte[] _input = new byte[AesBlockCipher.BlockSize];
    private readonly byte[] _output = new byte[AesBlockCipher.BlockSize];
    private readonly int _length;
    private readonly int _half;

    /// <param name="key"><see cref="KeyLength"/> bytes.</param>
    /// <param name="length">Bytes of a block, 2 to <see cref="MaxLength"/>.</param>
    public ConnectionIdCipher(ReadOnlySpan<byte> key, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength, nameof(key));
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        _length = length;
        _half = (length + 1) / 2;
        _cipher = AesBlockCipher.Create(key);
        if (length == AesBlockCipher.BlockSize)
        {
            // A one-shot of .NET makes a context for each block. This one lasts.
            _aes = Aes.Create();
            _aes.Mode = CipherMode.ECB;
            _aes.Padding = PaddingMode.None;
            _aes.SetKey(key);
            _inverse = _aes.CreateDecryptor();
        }
    }

    private bool IsOdd => (_length & 1) != 0;

    /// <summary>Encrypts a block in place.</summary>
    public void Encrypt(Span<byte> block)
    {
        Debug.Assert(block.Length == _length, "the block has the length that the cipher was made for");
        if (_inverse is not null)
        {
            _cipher.Encrypt(block);
            return;
        }

        Span<byte> left = stackalloc byte[MaxHalf];
        Span<byte> right = stackalloc byte[MaxHalf];
        Split(block, left, right);
        ChangeRight(left, right, pass: 1);
        ChangeLeft(left, right, pass: 2);
        ChangeRight(left, right, pass: 3);
        ChangeLeft(left, right, pass: 4);
        Join(left, right, block);
    }

    /// <summary>Decrypts a block in place.</summary>
    public void Decrypt(Span<byte> block)
    {
        Debug.Assert(block.Length == _length, "the block has the length that the cipher was made for");
        if (_inverse is not null)
        {
            block.CopyTo(_input);
            _inverse.TransformBlock(_input, 0, _input.Length, _output, 0);
            _output.CopyTo(block);
            return;
        }

        Span<byte> left = stackalloc byte[MaxHalf];
        Span<byte> right = stackalloc byte[MaxHalf];
        Split(block, left, right);
        ChangeLeft(left, right, pass: 4);
        ChangeRight(left, right, pass: 3);
        ChangeLeft(left, right, pass: 2);
        ChangeRight(left, right, pass: 1);
        Join(left, right, block);
    }

    /// <summary>Forgets the key. Whatever else is called afterwards throws.</summary>
    public void Dispose()
    {
        _cipher.Dispose();
        _inverse?.Dispose();
        _aes?.Dispose();
        CryptographicOperations.ZeroMemory(_input);
        CryptographicOperations.ZeroMemory(_output);
    }

    // Of an odd block each half has four bits of the middle byte; the other four bits stay zero.
    private void Split(ReadOnlySpan<byte> block, Span<byte> left, Span<byte> right)
    {
        block[.._half].CopyTo(left);
        block[^_half..].CopyTo(right);
        ClearSpareBits(left, right);
    }

    private void Join(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> block)
    {
        right[.._half].CopyTo(block[^_half..]);
        byte middle = right[0];
        left[.._half].CopyTo(block);
        if (IsOdd)
        {
            block[_half - 1] |= middle;
        }
    }

    private void ChangeRight(Span<byte> left, Span<byte> right, byte pass)
    {
        Change(right, left, pass);
        ClearSpareBits(left, right);
    }

    private void ChangeLeft(Span<byte> left, Span<byte> right, byte pass)
    {
        Change(left, right, pass);
        ClearSpareBits(left, right);
    }

    private void Change(Span<byte> half, ReadOnlySpan<byte> by, byte pass)
    {
        Span<byte> block = stackalloc byte[AesBlockCipher.BlockSize];
        block.Clear();
        by[.._half].CopyTo(block);
        block[LengthAt] = (byte)_length;
        block[PassAt] = pass;
        _cipher.Encrypt(block);
        for (int i = 0; i < _half; i++)
        {
            half[i] ^= block[i];
        }
    }

    private void ClearSpareBits(Span<byte> left, Span<byte> right)
    {
        if (IsOdd)
        {
            left[_half - 1] &= UpperBits;
            right[0] &= LowerBits;
        }
    }
}
