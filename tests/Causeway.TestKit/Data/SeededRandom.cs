using System.Runtime.CompilerServices;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>
/// A small random number generator whose sequence is fixed by its seed on every runtime and for ever, so that a seed in
/// a failure message means the same thing next year: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Not for secrets.
/// </summary>
public sealed class SeededRandom
{
    private const ulong GoldenRatio = 0x9E37_79B9_7F4A_7C15;

    private ulong _state;

    /// <summary>Makes a generator; every seed is a good one.</summary>
    public SeededRandom(ulong seed)
    {
        _state = seed;
    }

    /// <summary>A seed that is derived from another one and the number of its use.</summary>
    public static ulong Derive(ulong seed, ulong use) => Mix(seed + (GoldenRatio * (use + 1)));

    /// <summary>Spreads the bits of a value over all 64 bits of the result; a bijection.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        _state += GoldenRatio;
        return Mix(_state);
    }

    /// <summary>A number from 0 up to, and without, <paramref name="bound"/>, which must be positive.</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)(((NextUInt64() >> 32) * (ulong)bound) >> 32);
    }

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both possible.</summary>
    public int Between(int low, int high) => low + Next(high - low + 1);

    /// <summary>A number from 0 up to, and without, 1.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with the given probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Fills <paramref name="bytes"/> with random bytes.</summary>
    public void Fill(Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)NextUInt64();
        }
    }
}
