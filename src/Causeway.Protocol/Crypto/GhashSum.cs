using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// A sum of products in the field of GHASH (SP 800-38D section 6.3), reduced once at its end: the aggregated reduction
/// of Gueron and Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode".
/// </summary>
/// <remarks>
/// GCM's first bit is the coefficient of x^0, a processor's last one is. Reversing the bytes of a block makes the two
/// agree, but for a factor of x in each product; RFC 8452 appendix A moves that factor into the key, once
/// (<see cref="TimesX"/>). What is left is the product of POLYVAL (RFC 8452 section 3),
/// <c>a * b * x^-128 mod x^128 + x^127 + x^126 + x^121 + 1</c>, whose reduction is Montgomery's: two multiplications.
/// </remarks>
internal struct GhashSum<TCarryless>
    where TCarryless : struct, ICarrylessInstructions
{
    // x^127 + x^126 + x^121 of the polynomial above, as its upper half.
    private const ulong UpperTerms = 0xC200_0000_0000_0000;

    private Vector128<ulong> _low;
    private Vector128<ulong> _middle;
    private Vector128<ulong> _high;

    /// <summary>
    /// The field element of <paramref name="h"/>, which is the hash subkey with its bytes reversed, times x.
    /// </summary>
    public static Vector128<ulong> TimesX(Vector128<ulong> h)
    {
        // All ones or all zeros by the bit that is shifted out, without a branch: h is secret.
        ulong overflow = 0 - (h.GetElement(1) >> 63);
        return Vector128.Create(
            (h.GetElement(0) << 1) ^ (overflow & 1),
            ((h.GetElement(1) << 1) | (h.GetElement(0) >> 63)) ^ (overflow & UpperTerms));
    }

    /// <summary>Adds the product of two elements, as yet unreduced.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Vector128<ulong> left, Vector128<ulong> right)
    {
        _low ^= TCarryless.LowByLow(left, right);
        _middle ^= TCarryless.LowByHigh(left, right) ^ TCarryless.HighByLow(left, right);
        _high ^= TCarryless.HighByHigh(left, right);
    }

    /// <summary>The sum as an element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Vector128<ulong> Reduce()
    {
        // Each step adds the multiple of the polynomial that clears the lowest 64 bits left, and drops them. What was
        // above moves down, to where first the middle products and then the high ones have their place.
        Vector128<ulong> terms = Vector128.CreateScalar(UpperTerms);
        Vector128<ulong> rest = _middle ^ SwapHalves(_low) ^ TCarryless.LowByLow(_low, terms);
        return _high ^ SwapHalves(rest) ^ TCarryless.LowByLow(rest, terms);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> SwapHalves(Vector128<ulong> value) =>
        Vector128.Shuffle(value, Vector128.Create(1UL, 0UL));
}
