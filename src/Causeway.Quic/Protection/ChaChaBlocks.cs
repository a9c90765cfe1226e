using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;

namespace Causeway.Quic.Protection;

/// <summary>
/// The block function of ChaCha20 (RFC 8439, 2.3) at any block counter, for up to eight counters and nonces at once:
/// one in each lane of a vector.
/// </summary>
/// <remarks>
/// This is here because nobody else has it: .NET has ChaCha20 only inside the AEAD, whose counter begins at 1, and the
/// engines of BouncyCastle begin at 0 and cannot be moved. Header protection needs a counter that comes out of the
/// packet. It is no cipher for data. Nothing branches on, or looks up by, the key: additions, rotations and exclusive
/// ors are all there is.
/// </remarks>
internal sealed class ChaChaBlocks : IDisposable
{
    /// <summary>Bytes of a counter and a nonce: four words.</summary>
    public const int InputLength = 16;

    private const int KeyWords = 8;
    private const int DoubleRounds = 10;

    private readonly uint[] _key = GC.AllocateArray<uint>(KeyWords, pinned: true);

    /// <param name="key">32 bytes.</param>
    public ChaChaBlocks(ReadOnlySpan<byte> key)
    {
        for (int i = 0; i < KeyWords; i++)
        {
            _key[i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(i * sizeof(uint))..]);
        }
    }

    /// <summary>The first eight bytes of the keystream block of each input.</summary>
    /// <param name="inputs">
    /// At most eight times a counter and a nonce in little-endian words; the first two words of each are replaced.
    /// </param>
    public void FirstWords(Span<byte> inputs)
    {
        int count = inputs.Length / InputLength;
        Span<uint> words = stackalloc uint[4 * Vector256<uint>.Count];
        words.Clear();
        for (int i = 0; i < count; i++)
        {
            for (int word = 0; word < 4; word++)
            {
                words[(word * Vector256<uint>.Count) + i] =
                    BinaryPrimitives.ReadUInt32LittleEndian(inputs[((i * InputLength) + (word * sizeof(uint)))..]);
            }
        }

        // "expand 32-byte k".
        const uint Constant0 = 0x61707865;
        const uint Constant1 = 0x3320646e;
        Vector256<uint> x0 = Vector256.Create(Constant0);
        Vector256<uint> x1 = Vector256.Create(Constant1);
        Vector256<uint> x2 = Vector256.Create(0x79622d32u);
        Vector256<uint> x3 = Vector256.Create(0x6b206574u);
        Vector256<uint> x4 = Vector256.Create(_key[0]);
        Vector256<uint> x5 = Vector256.Create(_key[1]);
        Vector256<uint> x6 = Vector256.Create(_key[2]);
        Vector256<uint> x7 = Vector256.Create(_key[3]);
        Vector256<uint> x8 = Vector256.Create(_key[4]);
        Vector256<uint> x9 = Vector256.Create(_key[5]);
        Vector256<uint> x10 = Vector256.Create(_key[6]);
        Vector256<uint> x11 = Vector256.Create(_key[7]);
        Vector256<uint> x12 = Vector256.Create<uint>(words);
        Vector256<uint> x13 = Vector256.Create<uint>(words[8..]);
        Vector256<uint> x14 = Vector256.Create<uint>(words[16..]);
        Vector256<uint> x15 = Vector256.Create<uint>(words[24..]);
        for (int i = 0; i < DoubleRounds; i++)
        {
            QuarterRound(ref x0, ref x4, ref x8, ref x12);
            QuarterRound(ref x1, ref x5, ref x9, ref x13);
            QuarterRound(ref x2, ref x6, ref x10, ref x14);
            QuarterRound(ref x3, ref x7, ref x11, ref x15);
            QuarterRound(ref x0, ref x5, ref x10, ref x15);
            QuarterRound(ref x1, ref x6, ref x11, ref x12);
            QuarterRound(ref x2, ref x7, ref x8, ref x13);
            QuarterRound(ref x3, ref x4, ref x9, ref x14);
        }

        // The input is added at the end; of the first words that is the constants.
        x0 += Vector256.Create(Constant0);
        x1 += Vector256.Create(Constant1);
        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(inputs[(i * InputLength)..], x0[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(inputs[((i * InputLength) + sizeof(uint))..], x1[i]);
        }
    }

    /// <summary>Forgets the key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_key.AsSpan()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void QuarterRound(
        ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d)
    {
        a += b;
        d = RotateLeft(d ^ a, 16);
        c += d;
        b = RotateLeft(b ^ c, 12);
        a += b;
        d = RotateLeft(d ^ a, 8);
        c += d;
        b = RotateLeft(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateLeft(Vector256<uint> value, int count) =>
        Vector256.ShiftLeft(value, count) | Vector256.ShiftRightLogical(value, 32 - count);
}
