namespace Causeway.Testing;

/// <summary>
/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): its n-th
/// number is a hash of a counter, so that any of them can be had without those before it.
/// </summary>
internal static class SplitMix64
{
    private const ulong GoldenGamma = 0x9E37_79B9_7F4A_7C15;

    /// <summary>
    /// The <paramref name="index"/>-th number, from 0, of the generator seeded with <paramref name="seed"/>.
    /// </summary>
    public static ulong At(ulong seed, ulong index) => Finish(unchecked(seed + ((index + 1) * GoldenGamma)));

    /// <summary>A bijective hash.</summary>
    public static ulong Mix(ulong value) => Finish(unchecked(value + GoldenGamma));

    private static ulong Finish(ulong value)
    {
        unchecked
        {
            value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
            value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
            return value ^ (value >> 31);
        }
    }
}
