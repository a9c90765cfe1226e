namespace Causeway.Kcp.Wire;

/// <summary>
/// Comparisons of 32-bit sequence numbers that wrap around: <c>a</c> is before <c>b</c> if the signed difference
/// <c>(int)(a - b)</c> is negative (RFC 1982; docs/wire/kcptun.md 0).
/// </summary>
public static class Sequence
{
    /// <summary>Signed distance from <paramref name="b"/> to <paramref name="a"/>.</summary>
    public static int Difference(uint a, uint b) => unchecked((int)(a - b));

    /// <summary>Whether <paramref name="a"/> comes before <paramref name="b"/>.</summary>
    public static bool IsBefore(uint a, uint b) => unchecked((int)(a - b)) < 0;

    /// <summary>Whether <paramref name="a"/> comes after <paramref name="b"/>.</summary>
    public static bool IsAfter(uint a, uint b) => unchecked((int)(a - b)) > 0;
}
