using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// CFB with full-block feedback over any block cipher (docs/wire/kcptun.md 3.2). Every packet starts from the same
/// initial vector; the random nonce at its front makes what follows differ.
/// </summary>
internal sealed class CfbCipher : PacketCipher
{
    private const int MaxBlockSize = 16;

    private readonly BlockCipher _cipher;

    // E(IV): the same for every packet under one key.
    private readonly byte[] _firstKeystream;

    public CfbCipher(BlockCipher cipher)
    {
        _cipher = cipher;
        _firstKeystream = InitialVector[..cipher.BlockSize].ToArray();
        cipher.EncryptBlock(_firstKeystream);
    }

    /// <summary>16 bytes; ciphers with blocks of 8 use the first half.</summary>
    public static ReadOnlySpan<byte> InitialVector =>
        [0xA7, 0x73, 0x4F, 0x9C, 0x12, 0xAC, 0x1B, 0x01, 0xA4, 0x15, 0xF2, 0xC1, 0xFC, 0x78, 0xE6, 0x6B];

    /// <remarks>
    /// With blocks of 8 bytes, somebody may change the first one's ciphertext, and only the 16 bytes of the nonce change:
    /// nothing depends on them. But what follows depends on the second one's ciphertext, so that is the identity.
    /// </remarks>
    public override int IdentityLength => _cipher.BlockSize;

    public override void WriteIdentity(Span<byte> nonce, ReadOnlySpan<byte> identity)
    {
        identity.CopyTo(nonce[^identity.Length..]);
        CryptSecondBlock(nonce, nonce[^identity.Length..]);
    }

    public override void ReadIdentity(ReadOnlySpan<byte> nonce, Span<byte> identity)
    {
        nonce[^identity.Length..].CopyTo(identity);
        CryptSecondBlock(nonce, identity);
    }

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        int size = _cipher.BlockSize;
        Span<byte> keystream = stackalloc byte[MaxBlockSize];
        foreach (PacketBuffer packet in batch)
        {
            Span<byte> left = packet.Payload;
            _firstKeystream.CopyTo(keystream);
            while (left.Length > size)
            {
                XorBlock(left, keystream, size);
                left[..size].CopyTo(keystream);
                _cipher.EncryptBlock(keystream);
                left = left[size..];
            }

            XorCipher.XorInto(left, keystream);
        }

        CryptographicOperations.ZeroMemory(keystream);
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        int size = _cipher.BlockSize;
        Span<byte> keystream = stackalloc byte[MaxBlockSize];
        Span<byte> next = stackalloc byte[MaxBlockSize];
        foreach (PacketBuffer packet in batch)
        {
            Span<byte> left = packet.Payload;
            _firstKeystream.CopyTo(keystream);
            while (left.Length > size)
            {
                left[..size].CopyTo(next);
                _cipher.EncryptBlock(next);
                XorBlock(left, keystream, size);
                next.CopyTo(keystream);
                left = left[size..];
            }

            XorCipher.XorInto(left, keystream);
        }

        CryptographicOperations.ZeroMemory(keystream);
        CryptographicOperations.ZeroMemory(next);
    }

    public override void Dispose()
    {
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_firstKeystream);
    }

    /// <summary>Plaintext of a packet's second block to ciphertext or back, if blocks have 8 bytes.</summary>
    /// <param name="first">The plaintext of the first block, and whatever follows.</param>
    /// <param name="second">The second block.</param>
    private void CryptSecondBlock(ReadOnlySpan<byte> first, Span<byte> second)
    {
        int size = _cipher.BlockSize;
        if (size == NonceLength)
        {
            return;
        }

        Span<byte> keystream = stackalloc byte[MaxBlockSize];
        first[..size].CopyTo(keystream);
        XorBlock(keystream, _firstKeystream, size);
        _cipher.EncryptBlock(keystream);
        XorBlock(second, keystream, size);
    }

    private static void XorBlock(Span<byte> block, ReadOnlySpan<byte> keystream, int size)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(block[..size]);
        ReadOnlySpan<ulong> stream = MemoryMarshal.Cast<byte, ulong>(keystream);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] ^= stream[i];
        }
    }
}
