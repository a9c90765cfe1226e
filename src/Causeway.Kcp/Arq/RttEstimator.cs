namespace Causeway.Kcp.Arq;

/// <summary>
/// Round-trip time and retransmission timeout by KCP's integer formulas (docs/wire/kcptun.md 5.8). They do not care for
/// the unit: in milliseconds they reproduce kcptun's values, in microseconds they do not round a short path to zero.
/// </summary>
internal sealed class RttEstimator(long leastRto, long margin, long initialRto, long mostRto)
{
    public long Smoothed { get; private set; }

    public long Variance { get; private set; }

    public long Rto { get; private set; } = initialRto;

    /// <summary>Whether there was a sample.</summary>
    public bool HasSample { get; private set; }

    /// <summary>
    /// Takes a sample. One above the largest timeout says that the process slept, not how long the path is.
    /// </summary>
    public void Add(long sample)
    {
        if (sample < 0 || sample > mostRto)
        {
            return;
        }

        HasSample = true;
        if (Smoothed == 0)
        {
            Smoothed = sample;
            Variance = sample >> 1;
        }
        else
        {
            long error = sample - Smoothed;
            Smoothed += error >> 3;
            long distance = Math.Abs(error);

            // A sample far below the estimate is good news and should not widen the timeout: it weighs an eighth as
            // much.
            int shift = sample < Smoothed - Variance ? 5 : 2;
            Variance += (distance - Variance) >> shift;
        }

        Rto = Math.Clamp(Smoothed + Math.Max(margin, 4 * Variance), leastRto, mostRto);
    }
}
