using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// The round keys of AES-128, AES-192 or AES-256 (FIPS 197 section 5.2), in pinned memory. The S-box is the
/// processor's, so that the expansion looks nothing up in memory.
/// </summary>
internal sealed class AesKeySchedule<TAes>
    where TAes : struct, IAesInstructions
{
    private const int BlockSize = 16;

    private readonly byte[] _keys;

    /// <param name="key">16, 24 or 32 bytes.</param>
    public AesKeySchedule(ReadOnlySpan<byte> key)
    {
        int keyWords = key.Length / sizeof(uint);
        Rounds = keyWords + 6;
        _keys = GC.AllocateArray<byte>((Rounds + 1) * BlockSize, pinned: true);
        key.CopyTo(_keys);

        Span<uint> words = MemoryMarshal.Cast<byte, uint>(_keys.AsSpan());
        byte roundConstant = 1;
        for (int i = keyWords; i < words.Length; i++)
        {
            uint word = words[i - 1];
            if (i % keyWords == 0)
            {
                // Words are little endian here: the standard's rotation to the left is one to the right.
                word = SubstituteWord(BitOperations.RotateRight(word, 8)) ^ roundConstant;
                roundConstant = (byte)((roundConstant << 1) ^ ((roundConstant >> 7) * 0x1B));
            }
            else if (keyWords > 6 && i % keyWords == 4)
            {
                word = SubstituteWord(word);
            }

            words[i] = words[i - keyWords] ^ word;
        }
    }

    /// <summary>10, 12 or 14.</summary>
    public int Rounds { get; }

    /// <summary>The first of <see cref="Rounds"/> + 1 keys of 16 bytes.</summary>
    public unsafe byte* Keys => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_keys));

    /// <summary>The round keys as bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _keys;

    public void Zero() => CryptographicOperations.ZeroMemory(_keys);

    // Four equal columns: ShiftRows changes nothing then.
    private static uint SubstituteWord(uint word) =>
        TAes.SubstituteAndShift(Vector128.Create(word).AsByte()).AsUInt32().ToScalar();
}
