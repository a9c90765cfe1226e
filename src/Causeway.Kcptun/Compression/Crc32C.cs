using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Causeway.Kcptun.Compression;

/// <summary>CRC-32C (Castagnoli, RFC 3720 section 12.1), by the processor's instruction where it has one.</summary>
internal static class Crc32C
{
    // Reflected form of the polynomial 0x1EDC6F41.
    private const uint Polynomial = 0x82F63B78;

    // The instruction takes three cycles but starts every cycle, so three lanes at once are three times as fast. A lane
    // of this size makes the joining negligible and still fits five times into a frame of 8 KiB.
    private const int LaneBytes = 512;

    private static readonly uint[] s_byteTable = MakeByteTable();

    /// <summary>Whether <see cref="Compute"/> uses an instruction of the processor.</summary>
    public static bool IsHardwareAccelerated => Sse42.X64.IsSupported || ArmCrc32.Arm64.IsSupported;

    /// <summary>The checksum of <paramref name="bytes"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Append(~0u, bytes);

    /// <summary>
    /// The checksum as snappy's framing stores it, so that data with checksums in it is not its own checksum
    /// (docs/wire/kcptun.md 8).
    /// </summary>
    public static uint Mask(uint checksum) => unchecked(((checksum >> 15) | (checksum << 17)) + 0xA282EAD8);

    /// <summary>
    /// Adds bytes to a raw register: start with all ones, invert at the end. Slices of one body are summed this way.
    /// </summary>
    public static uint Append(uint register, ReadOnlySpan<byte> bytes) =>
        IsHardwareAccelerated ? AppendHardware(register, bytes) : AppendScalar(register, bytes);

    internal static uint AppendScalar(uint register, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            register = s_byteTable[(byte)(register ^ value)] ^ (register >> 8);
        }

        return register;
    }

    private static uint AppendHardware(uint register, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 3 * LaneBytes)
        {
            ReadOnlySpan<ulong> first = MemoryMarshal.Cast<byte, ulong>(bytes[..LaneBytes]);
            ReadOnlySpan<ulong> second = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(LaneBytes, LaneBytes));
            ReadOnlySpan<ulong> third = MemoryMarshal.Cast<byte, ulong>(bytes.Slice(2 * LaneBytes, LaneBytes));
            uint registerOfSecond = 0;
            uint registerOfThird = 0;
            for (int i = 0; i < first.Length && i < second.Length && i < third.Length; i++)
            {
                register = Step(register, first[i]);
                registerOfSecond = Step(registerOfSecond, second[i]);
                registerOfThird = Step(registerOfThird, third[i]);
            }

            // The register is linear: what a lane adds is its own sum, moved past the bytes of the lanes behind it.
            register = LaneShift.Apply(LaneShift.Apply(register) ^ registerOfSecond) ^ registerOfThird;
            bytes = bytes[(3 * LaneBytes)..];
        }

        while (bytes.Length >= sizeof(ulong))
        {
            register = Step(register, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        return AppendScalar(register, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint register, ulong word) =>
        Sse42.X64.IsSupported ? (uint)Sse42.X64.Crc32(register, word) : ArmCrc32.Arm64.ComputeCrc32C(register, word);

    private static uint[] MakeByteTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint register = i;
            for (int bit = 0; bit < 8; bit++)
            {
                register = (register >> 1) ^ ((register & 1) * Polynomial);
            }

            table[i] = register;
        }

        return table;
    }

    /// <summary>
    /// What <see cref="LaneBytes"/> zero bytes do to a register, as one table for each of its four bytes.
    /// </summary>
    private static class LaneShift
    {
        private static readonly uint[] s_tables = Make();

        public static uint Apply(uint register) =>
            s_tables[(byte)register]
            ^ s_tables[256 + (byte)(register >> 8)]
            ^ s_tables[512 + (byte)(register >> 16)]
            ^ s_tables[768 + (byte)(register >> 24)];

        private static uint[] Make()
        {
            uint[] tables = new uint[1024];
            for (int i = 0; i < tables.Length; i++)
            {
                uint register = (uint)(i & 0xFF) << (8 * (i >> 8));
                for (int word = 0; word < LaneBytes / sizeof(ulong); word++)
                {
                    register = Step(register, 0);
                }

                tables[i] = register;
            }

            return tables;
        }
    }
}
