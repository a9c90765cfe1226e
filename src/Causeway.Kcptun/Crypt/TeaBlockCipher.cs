using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// TEA (Wheeler and Needham, 1994) with 8 cycles instead of the paper's 32, big endian: the reference asks its
/// library for 16 rounds, and a cycle is two (docs/wire/kcptun.md 3.4).
/// </summary>
internal sealed class TeaBlockCipher : BlockCipher
{
    internal const uint Delta = 0x9E3779B9;

    private const int Cycles = 8;

    private readonly uint[] _key = GC.AllocateArray<uint>(4, pinned: true);

    public TeaBlockCipher(ReadOnlySpan<byte> key)
    {
        for (int i = 0; i < _key.Length; i++)
        {
            _key[i] = BinaryPrimitives.ReadUInt32BigEndian(key[(i * sizeof(uint))..]);
        }
    }

    public override int BlockSize => 8;

    public override void EncryptBlock(Span<byte> block)
    {
        uint left = BinaryPrimitives.ReadUInt32BigEndian(block);
        uint right = BinaryPrimitives.ReadUInt32BigEndian(block[4..]);
        uint sum = 0;
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            sum += Delta;
            left += ((right << 4) + _key[0]) ^ (right + sum) ^ ((right >> 5) + _key[1]);
            right += ((left << 4) + _key[2]) ^ (left + sum) ^ ((left >> 5) + _key[3]);
        }

        BinaryPrimitives.WriteUInt32BigEndian(block, left);
        BinaryPrimitives.WriteUInt32BigEndian(block[4..], right);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_key.AsSpan()));
}
