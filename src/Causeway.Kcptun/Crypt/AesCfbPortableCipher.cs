using System.Security.Cryptography;
using Causeway.Protocol;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// AES-CFB (docs/wire/kcptun.md 3.2) over the platform's AES in ECB mode, for processors whose AES instructions .NET
/// does not give, or that have none. A call costs much more than a block, so each one carries many: of one packet
/// when decrypting, one of each packet of a group when encrypting.
/// </summary>
internal sealed class AesCfbPortableCipher : PacketCipher
{
    private const int BlockSize = 16;

    // Packets that are encrypted together, and blocks that are decrypted together.
    private const int MaxBlocks = 64;

    private readonly ICryptoTransform _cipher;
    private readonly byte[] _firstKeystream = new byte[BlockSize];
    private readonly byte[] _feedback = new byte[(MaxBlocks + 1) * BlockSize];
    private readonly byte[] _keystream = new byte[MaxBlocks * BlockSize];
    private readonly int[] _active = new int[MaxBlocks];

    public AesCfbPortableCipher(ReadOnlySpan<byte> key)
    {
        using Aes aes = Aes.Create();
        aes.Mode = CipherMode.ECB;
        aes.Padding = PaddingMode.None;
        aes.SetKey(key);
        _cipher = aes.CreateEncryptor();
        CfbCipher.InitialVector.CopyTo(_feedback);
        _cipher.TransformBlock(_feedback, 0, BlockSize, _firstKeystream, 0);
    }

    public override void Encrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        while (batch.Length > MaxBlocks)
        {
            EncryptGroup(batch[..MaxBlocks]);
            batch = batch[MaxBlocks..];
        }

        EncryptGroup(batch);
    }

    public override void Decrypt(ReadOnlySpan<PacketBuffer> batch)
    {
        foreach (PacketBuffer packet in batch)
        {
            CfbCipher.InitialVector.CopyTo(_feedback);
            Span<byte> left = packet.Payload;
            while (left.Length > 0)
            {
                // The inputs are the ciphertext, one block late. The block that came too late is the first of the
                // next turn.
                Span<byte> part = left[..Math.Min(left.Length, _keystream.Length)];
                part.CopyTo(_feedback.AsSpan(BlockSize));
                int length = (part.Length + BlockSize - 1) / BlockSize * BlockSize;
                _cipher.TransformBlock(_feedback, 0, length, _keystream, 0);
                XorCipher.XorInto(part, _keystream);
                _feedback.AsSpan(length, BlockSize).CopyTo(_feedback);
                left = left[part.Length..];
            }
        }
    }

    public override void Dispose()
    {
        _cipher.Dispose();
        CryptographicOperations.ZeroMemory(_firstKeystream);
        CryptographicOperations.ZeroMemory(_keystream);
    }

    private void EncryptGroup(ReadOnlySpan<PacketBuffer> group)
    {
        for (int i = 0; i < group.Length; i++)
        {
            _active[i] = i;
            _firstKeystream.CopyTo(_keystream, i * BlockSize);
        }

        // Invariant: keystream block i belongs to packet _active[i] at this offset.
        int active = group.Length;
        for (int offset = 0; active > 0; offset += BlockSize)
        {
            int going = 0;
            for (int i = 0; i < active; i++)
            {
                Span<byte> left = group[_active[i]].Payload[offset..];
                Span<byte> block = left[..Math.Min(left.Length, BlockSize)];
                XorCipher.XorInto(block, _keystream.AsSpan(i * BlockSize));
                if (left.Length > BlockSize)
                {
                    block.CopyTo(_feedback.AsSpan(going * BlockSize));
                    _active[going++] = _active[i];
                }
            }

            active = going;
            if (active > 0)
            {
                _cipher.TransformBlock(_feedback, 0, active * BlockSize, _keystream, 0);
            }
        }
    }
}
