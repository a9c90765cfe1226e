namespace Causeway.Protocol.Fec;

/// <summary>
/// Reed-Solomon over GF(2^8) in Cauchy form, for windows that slide: repair j has source i with the coefficient 1 / (x_i + y_j),
/// where no x is a y.
/// </summary>
/// <remarks>
/// Every square part of such a matrix can be inverted. So any n repairs over the same sources make up for any n of them, and a
/// coefficient depends on nothing but the two numbers: a repair needs no group, and the sources that it covers may be any run of at
/// most <see cref="MostSources"/>. <see cref="ReedSolomon"/> is the same code for groups of fixed size, in the form that kcptun has on the wire.
/// </remarks>
internal static class CauchyCode
{
    /// <summary>Sources that have different points: half of the field.</summary>
    public const int MostSources = 128;

    /// <summary>The coefficient of a source in a repair; never 0.</summary>
    /// <param name="source">The source's number.</param>
    /// <param name="repair">The repair's number.</param>
    public static byte Coefficient(long source, long repair)
    {
        int x = (int)(source % MostSources);
        int y = MostSources + (int)(repair % MostSources);
        return Inverse((byte)(x ^ y));
    }

    /// <summary>What gives 1 with an element other than 0.</summary>
    public static byte Inverse(byte element) =>
        GaloisField.Power((GaloisField.Order - GaloisField.Logarithm(element)) % GaloisField.Order);
}
