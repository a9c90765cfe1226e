using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Causeway.Protocol.Crypto;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// CRC-32 of IEEE 802.3 as zlib computes it: reflected polynomial 0xEDB88320, initial value and final xor 0xFFFFFFFF.
/// Three ways, chosen once by what the processor has; each can be called by itself.
/// </summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int Slices = 8;

    // Folding constants of the white paper below, bit-reflected and shifted left by one as it says: x^(distance + 32)
    // and x^(distance - 32) modulo the polynomial, for distances of 512 and 128 bits. A test derives them anew.
    internal const ulong FoldBy512Low = 0x1_5444_2BD4;
    internal const ulong FoldBy512High = 0x1_C6E4_1596;
    internal const ulong FoldBy128Low = 0x1_7519_97D0;
    internal const ulong FoldBy128High = 0x0_CCAA_009E;

    private static readonly uint[] s_tables = MakeTables();

    /// <summary>Whether <see cref="ComputeFolding"/> runs on this processor.</summary>
    public static bool IsFoldingSupported => Pclmulqdq.IsSupported;

    /// <summary>Whether <see cref="ComputeArm"/> runs on this processor.</summary>
    public static bool IsArmSupported => ArmCrc32.Arm64.IsSupported;

    /// <summary>The checksum by the fastest way there is.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        if (Pclmulqdq.IsSupported)
        {
            return ComputeFolding(bytes);
        }

        return ArmCrc32.Arm64.IsSupported ? ComputeArm(bytes) : ComputeSliced(bytes);
    }

    /// <summary>Eight bytes at a time by eight tables ("slicing by 8", Kounavis and Berry, Intel 2005).</summary>
    public static uint ComputeSliced(ReadOnlySpan<byte> bytes) => ~Slice(uint.MaxValue, bytes);

    /// <summary>By the CRC32 instructions of Armv8.</summary>
    public static uint ComputeArm(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            crc = ArmCrc32.Arm64.ComputeCrc32(crc, word);
        }

        foreach (byte value in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = ArmCrc32.ComputeCrc32(crc, value);
        }

        return ~crc;
    }

    /// <summary>
    /// By carry-less multiplication: four 128-bit remainders run 512 bits ahead of themselves, are folded into one,
    /// and the last 16 bytes go through the tables ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
    /// Instruction", Gopal et al., Intel 2009).
    /// </summary>
    public static uint ComputeFolding(ReadOnlySpan<byte> bytes)
    {
        const int Block = 16;
        if (bytes.Length < 2 * Block)
        {
            return ComputeSliced(bytes);
        }

        ref byte start = ref MemoryMarshal.GetReference(bytes);
        nuint position = Block;
        nuint end = (nuint)bytes.Length;

        // The initial value is xored into the first 32 bits of the message, from where it folds along.
        Vector128<ulong> folded = Load(ref start, 0) ^ Vector128.CreateScalar((ulong)uint.MaxValue);
        Vector128<ulong> by128 = Vector128.Create(FoldBy128Low, FoldBy128High);
        if (end >= 4 * Block)
        {
            Vector128<ulong> by512 = Vector128.Create(FoldBy512Low, FoldBy512High);
            Vector128<ulong> second = Load(ref start, Block);
            Vector128<ulong> third = Load(ref start, 2 * Block);
            Vector128<ulong> fourth = Load(ref start, 3 * Block);
            for (position = 4 * Block; position + (4 * Block) <= end; position += 4 * Block)
            {
                folded = Fold(folded, by512) ^ Load(ref start, position);
                second = Fold(second, by512) ^ Load(ref start, position + Block);
                third = Fold(third, by512) ^ Load(ref start, position + (2 * Block));
                fourth = Fold(fourth, by512) ^ Load(ref start, position + (3 * Block));
            }

            folded = Fold(folded, by128) ^ second;
            folded = Fold(folded, by128) ^ third;
            folded = Fold(folded, by128) ^ fourth;
        }

        for (; position + Block <= end; position += Block)
        {
            folded = Fold(folded, by128) ^ Load(ref start, position);
        }

        // What was folded stands for the whole message up to here: its remainder is that of these 16 bytes, from zero.
        uint crc = SliceWord(SliceWord(0, folded.GetElement(0)), folded.GetElement(1));
        return ~Slice(crc, bytes[(int)position..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector128<ulong> remainder, Vector128<ulong> constants) =>
        Pclmulqdq.CarrylessMultiply(remainder, constants, 0x00)
        ^ Pclmulqdq.CarrylessMultiply(remainder, constants, 0x11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Load(ref byte start, nuint offset) =>
        Vector128.LoadUnsafe(ref start, offset).AsUInt64();

    private static uint Slice(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            crc = SliceWord(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        ref uint tables = ref MemoryMarshal.GetArrayDataReference(s_tables);
        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ Unsafe.Add(ref tables, (byte)(crc ^ value));
        }

        return crc;
    }

    // Every index below is a byte plus a multiple of 256 under 2048, the length of the tables.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SliceWord(uint crc, ulong word)
    {
        ref uint tables = ref MemoryMarshal.GetArrayDataReference(s_tables);
        word ^= crc;
        return Unsafe.Add(ref tables, (7 * 256) + (int)(byte)word)
            ^ Unsafe.Add(ref tables, (6 * 256) + (int)(byte)(word >> 8))
            ^ Unsafe.Add(ref tables, (5 * 256) + (int)(byte)(word >> 16))
            ^ Unsafe.Add(ref tables, (4 * 256) + (int)(byte)(word >> 24))
            ^ Unsafe.Add(ref tables, (3 * 256) + (int)(byte)(word >> 32))
            ^ Unsafe.Add(ref tables, (2 * 256) + (int)(byte)(word >> 40))
            ^ Unsafe.Add(ref tables, 256 + (int)(byte)(word >> 48))
            ^ Unsafe.Add(ref tables, (int)(byte)(word >> 56));
    }

    // Table k, entry b: the remainder of byte b followed by k zero bytes.
    private static uint[] MakeTables()
    {
        uint[] tables = new uint[Slices * 256];
        for (uint value = 0; value < 256; value++)
        {
            uint crc = value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ Polynomial : crc >> 1;
            }

            tables[value] = crc;
        }

        for (int i = 256; i < tables.Length; i++)
        {
            uint shorter = tables[i - 256];
            tables[i] = (shorter >> 8) ^ tables[shorter & 0xFF];
        }

        return tables;
    }
}
