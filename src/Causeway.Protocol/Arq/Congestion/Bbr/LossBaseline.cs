namespace Causeway.Protocol.Arq.Congestion;

/// <summary>
/// What the path loses whatever its load: measured over round trips in which the sender did not press and the
/// round-trip time showed no queue, so that the losses cannot be of its own making.
/// </summary>
/// <remarks>
/// This is where <see cref="BbrController"/> goes beyond the draft, whose reaction to more than two percent of loss would
/// leave most of a radio link unused. It answers whether losses exceed what is normal on this path, with allowance for
/// chance and for losses that come in runs.
/// </remarks>
internal struct LossBaseline(int segmentSize)
{
    // Beyond this the path is treated as congested, whatever else it may be.
    private const double MostTolerated = 0.25;

    // Three standard deviations: chance alone exceeds it about once in seven hundred round trips.
    private const double Deviations = 3;

    // Half of what was seen is forgotten after so many segments, so the estimate follows a path that changes.
    private const int Memory = 2048;
    private const int LeastSegments = 100;

    private double _lost;
    private double _sent;
    private double _dispersion = 1;

    /// <summary>The share of bytes that gets lost anyway, 0 to 0.25.</summary>
    public readonly double Rate =>
        _lost == 0 ? 0 : Math.Min(MostTolerated, _lost / Math.Max(_sent, LeastSegments * (double)segmentSize));

    /// <summary>Takes in a round trip that tells about the path alone.</summary>
    public void AddRound(long lostBytes, long sentBytes)
    {
        if (sentBytes <= 0)
        {
            return;
        }

        double rate = Rate;
        double expected = rate * sentBytes;
        double variance = expected * (1 - rate) * segmentSize;
        if (variance > 0)
        {
            // Variance over that of independent losses: 1 if they are, about twice the length of a run if not.
            double ratio = (lostBytes - expected) * (lostBytes - expected) / variance;
            _dispersion += (Math.Min(ratio, 50) - _dispersion) / 16;
        }

        _lost += lostBytes;
        _sent += sentBytes;
        if (_sent > Memory * (double)segmentSize)
        {
            _lost /= 2;
            _sent /= 2;
        }
    }

    /// <summary>The most bytes of so many that the baseline and chance explain; 0 on a path that loses nothing.</summary>
    public readonly double Explains(long bytes)
    {
        double rate = Rate;
        double expected = rate * bytes;
        return expected + (Deviations * Math.Sqrt(Math.Max(1, _dispersion) * expected * (1 - rate) * segmentSize));
    }
}
