using System.Runtime.Intrinsics;
using Causeway.Protocol.Crypto;

namespace Causeway.Protocol.Tests.Crypto;

/// <summary>The steps of FIPS 197 section 5.1, from their definition.</summary>
internal static class SoftwareAes
{
    private static readonly byte[] s_sbox = Table(Substitute);

    private static readonly byte[] s_double = Table(static value => Multiply(value, 2));

    public static Vector128<byte> SubstituteAndShift(Vector128<byte> block)
    {
        Span<byte> from = stackalloc byte[16];
        Span<byte> to = stackalloc byte[16];
        block.CopyTo(from);
        for (int i = 0; i < 16; i++)
        {
            // Row r of the column-major state moves r columns to the left.
            to[i] = s_sbox[from[(i + (4 * (i % 4))) % 16]];
        }

        return Vector128.Create<byte>(to);
    }

    public static Vector128<byte> MixColumns(Vector128<byte> block)
    {
        Span<byte> from = stackalloc byte[16];
        Span<byte> to = stackalloc byte[16];
        block.CopyTo(from);
        for (int i = 0; i < 16; i++)
        {
            int column = i / 4 * 4;
            byte next = from[column + ((i + 1) % 4)];
            to[i] = (byte)(s_double[from[i]] ^ s_double[next] ^ next
                ^ from[column + ((i + 2) % 4)] ^ from[column + ((i + 3) % 4)]);
        }

        return Vector128.Create<byte>(to);
    }

    private static byte[] Table(Func<byte, byte> function) =>
        [.. Enumerable.Range(0, 256).Select(value => function((byte)value))];

    private static byte Multiply(byte left, byte right)
    {
        int product = 0;
        int factor = left;
        for (int bits = right; bits != 0; bits >>= 1)
        {
            product ^= (bits & 1) * factor;
            factor = (factor << 1) ^ ((factor >> 7) * 0x11B);
        }

        return (byte)product;
    }

    private static byte Substitute(byte value)
    {
        byte inverse = 1;
        for (int i = 0; i < 254; i++)
        {
            inverse = Multiply(inverse, value);
        }

        int result = 0x63;
        for (int turn = 0; turn < 5; turn++)
        {
            result ^= (inverse << turn) | (inverse >> (8 - turn));
        }

        return (byte)result;
    }
}

/// <summary>What AESENC and AESENCLAST do, so that the order of keys is tested on every processor.</summary>
internal readonly struct SoftwareX86Aes : IAesInstructions
{
    public static bool IsSupported => true;

    public static int KeyLag => X86AesInstructions.KeyLag;

    public static Vector128<byte> First(Vector128<byte> block, Vector128<byte> key) => block ^ key;

    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        SoftwareAes.MixColumns(SoftwareAes.SubstituteAndShift(block)) ^ key;

    public static Vector128<byte> Last(Vector128<byte> block, Vector128<byte> keyBefore, Vector128<byte> key) =>
        SoftwareAes.SubstituteAndShift(block) ^ key;

    public static Vector128<byte> SubstituteAndShift(Vector128<byte> block) => SoftwareAes.SubstituteAndShift(block);
}

/// <summary>What AESE and AESMC do, in the way that <see cref="ArmAesInstructions"/> uses them.</summary>
internal readonly struct SoftwareArmAes : IAesInstructions
{
    public static bool IsSupported => true;

    public static int KeyLag => ArmAesInstructions.KeyLag;

    public static Vector128<byte> First(Vector128<byte> block, Vector128<byte> key) => block;

    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        SoftwareAes.MixColumns(SoftwareAes.SubstituteAndShift(block ^ key));

    public static Vector128<byte> Last(Vector128<byte> block, Vector128<byte> keyBefore, Vector128<byte> key) =>
        SoftwareAes.SubstituteAndShift(block ^ keyBefore) ^ key;

    public static Vector128<byte> SubstituteAndShift(Vector128<byte> block) => SoftwareAes.SubstituteAndShift(block);
}
