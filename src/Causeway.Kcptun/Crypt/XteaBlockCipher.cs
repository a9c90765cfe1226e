using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Causeway.Kcptun.Crypt;

/// <summary>XTEA (Needham and Wheeler, 1997) with its usual 32 cycles, big endian (docs/wire/kcptun.md 3.4).</summary>
internal sealed class XteaBlockCipher : BlockCipher
{
    private const int Cycles = 32;

    // What each half round adds: sum + key word, which depends on the key alone.
    private readonly uint[] _schedule = GC.AllocateArray<uint>(2 * Cycles, pinned: true);

    public XteaBlockCipher(ReadOnlySpan<byte> key)
    {
        uint sum = 0;
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            _schedule[2 * cycle] = sum + KeyWord(key, sum & 3);
            sum += TeaBlockCipher.Delta;
            _schedule[(2 * cycle) + 1] = sum + KeyWord(key, (sum >> 11) & 3);
        }
    }

    public override int BlockSize => 8;

    public override void EncryptBlock(Span<byte> block)
    {
        uint left = BinaryPrimitives.ReadUInt32BigEndian(block);
        uint right = BinaryPrimitives.ReadUInt32BigEndian(block[4..]);
        uint[] schedule = _schedule;
        for (int i = 0; i < schedule.Length - 1; i += 2)
        {
            left += (((right << 4) ^ (right >> 5)) + right) ^ schedule[i];
            right += (((left << 4) ^ (left >> 5)) + left) ^ schedule[i + 1];
        }

        BinaryPrimitives.WriteUInt32BigEndian(block, left);
        BinaryPrimitives.WriteUInt32BigEndian(block[4..], right);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_schedule.AsSpan()));

    private static uint KeyWord(ReadOnlySpan<byte> key, uint index) =>
        BinaryPrimitives.ReadUInt32BigEndian(key[(int)(index * sizeof(uint))..]);
}
