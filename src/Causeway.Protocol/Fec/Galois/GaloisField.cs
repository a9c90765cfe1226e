using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Causeway.Protocol.Fec;

/// <summary>
/// The field GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 and the generator 2 (docs/wire/kcptun.md 4.5).
/// Addition is xor.
/// </summary>
internal static class GaloisField
{
    /// <summary>The reducing polynomial, as bits.</summary>
    public const int Polynomial = 0x11D;

    /// <summary>Order of the multiplicative group: logarithms count modulo this.</summary>
    public const int Order = 255;

    private const int ProductsOfOneCoefficient = 32;

    private static readonly byte[] s_logarithms = new byte[256];
    private static readonly byte[] s_powers = MakePowers(s_logarithms);
    private static readonly byte[] s_nibbleProducts = MakeNibbleProducts();
    private static readonly ulong[] s_affineMatrices = MakeAffineMatrices();

    /// <summary>The logarithm to base 2 of an element other than 0.</summary>
    public static int Logarithm(int element) => s_logarithms[element];

    /// <summary>2 to a power from 0 to 254.</summary>
    public static byte Power(int exponent) => s_powers[exponent];

    /// <summary>The product of two elements.</summary>
    public static byte Multiply(byte left, byte right) =>
        left == 0 || right == 0 ? (byte)0 : s_powers[(s_logarithms[left] + s_logarithms[right]) % Order];

    /// <summary>
    /// The products of a coefficient with 0, 1, .. 15 and then with 0, 16, .. 240: the product with any byte is the xor
    /// of one of each, which is what a byte shuffle looks up 16, 32 or 64 at a time (Plank, Greenan, Miller, "Screaming
    /// Fast Galois Field Arithmetic Using Intel SIMD Instructions", FAST 2013).
    /// </summary>
    public static ReadOnlySpan<byte> NibbleProducts(byte coefficient) =>
        s_nibbleProducts.AsSpan(coefficient * ProductsOfOneCoefficient, ProductsOfOneCoefficient);

    /// <summary>
    /// The first of <see cref="NibbleProducts"/>, for vector loads. Inlined, because a call would spill the vectors of
    /// the coefficients loaded before.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref readonly byte NibbleProductsReference(byte coefficient) => ref Unsafe.Add(
        ref MemoryMarshal.GetArrayDataReference(s_nibbleProducts), (nuint)coefficient * ProductsOfOneCoefficient);

    /// <summary>
    /// Multiplication by a coefficient as the 8 by 8 bit matrix that GF2P8AFFINEQB takes. (GF2P8MULB reduces by 0x11B
    /// and is of no use here.) The instruction makes result bit i the parity of matrix byte 7 - i and the operand.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong AffineMatrix(byte coefficient) => s_affineMatrices[coefficient];

    private static byte[] MakePowers(byte[] logarithms)
    {
        byte[] powers = new byte[Order];
        int element = 1;
        for (int exponent = 0; exponent < Order; exponent++)
        {
            powers[exponent] = (byte)element;
            logarithms[element] = (byte)exponent;
            element <<= 1;
            if (element > 0xFF)
            {
                element ^= Polynomial;
            }
        }

        return powers;
    }

    private static byte[] MakeNibbleProducts()
    {
        byte[] products = new byte[256 * ProductsOfOneCoefficient];
        for (int coefficient = 0; coefficient < 256; coefficient++)
        {
            Span<byte> own = products.AsSpan(coefficient * ProductsOfOneCoefficient, ProductsOfOneCoefficient);
            for (int nibble = 0; nibble < 16; nibble++)
            {
                own[nibble] = Multiply((byte)coefficient, (byte)nibble);
                own[16 + nibble] = Multiply((byte)coefficient, (byte)(nibble << 4));
            }
        }

        return products;
    }

    private static ulong[] MakeAffineMatrices()
    {
        ulong[] matrices = new ulong[256];
        for (int coefficient = 0; coefficient < 256; coefficient++)
        {
            ulong matrix = 0;
            for (int inputBit = 0; inputBit < 8; inputBit++)
            {
                ulong image = Multiply((byte)coefficient, (byte)(1 << inputBit));
                for (int outputBit = 0; outputBit < 8; outputBit++)
                {
                    matrix |= ((image >> outputBit) & 1) << ((8 * (7 - outputBit)) + inputBit);
                }
            }

            matrices[coefficient] = matrix;
        }

        return matrices;
    }
}
