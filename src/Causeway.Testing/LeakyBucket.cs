using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>
/// Something that drains at a rate, in millionths of a bit: at r bits per second exactly r of them leave in each
/// microsecond, so that nothing is ever rounded.
/// </summary>
internal struct LeakyBucket
{
    private Timestamp _at;

    /// <summary>What is in it, as of the last <see cref="Drain"/>.</summary>
    public long Level;

    public static long DivideUp(long value, long divisor) => (value + divisor - 1) / divisor;

    /// <summary>Lets drain what does until <paramref name="now"/>; without a rate all of it is gone.</summary>
    public void Drain(long bitsPerSecond, Timestamp now)
    {
        long elapsed = Math.Max(0, now.MicrosecondsSince(_at));
        _at = Timestamp.Max(_at, now);

        // Compared before it is multiplied: the product could overflow after a long pause.
        Level = bitsPerSecond == 0 || elapsed >= DivideUp(Level, bitsPerSecond) ? 0 : Level - (elapsed * bitsPerSecond);
    }
}
