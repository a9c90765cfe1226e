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

    // Until there were enough runs to know their length, this is what is assumed.
    private const int LeastRuns = 10;
    private const double AssumedRunLength = 3;

    private double _lost;
    private double _sent;
    private double _runs;

    /// <summary>The share of bytes that gets lost anyway, 0 to 0.25.</summary>
    public readonly double Rate =>
        _lost == 0 ? 0 : Math.Min(MostTolerated, _lost / Math.Max(_sent, LeastSegments * (double)segmentSize));

    /// <summary>Variance of the losses over that of independent ones: losses in runs vary more.</summary>
    private readonly double Dispersion
    {
        get
        {
            double length = _runs < LeastRuns ? AssumedRunLength : _lost / segmentSize / _runs;
            return Math.Max(1, (2 * length) - 1);
        }
    }

    /// <summary>Takes in a round trip that tells about the path alone.</summary>
    /// <param name="lostBytes">What was lost.</param>
    /// <param name="runs">In how many runs of neighbours.</param>
    /// <param name="sentBytes">Of how much.</param>
    public void AddRound(long lostBytes, int runs, long sentBytes)
    {
        _lost += lostBytes;
        _runs += runs;
        _sent += sentBytes;
        if (_sent > Memory * (double)segmentSize)
        {
            _lost /= 2;
            _runs /= 2;
            _sent /= 2;
        }
    }

    /// <summary>The bytes of so many that the path loses on average.</summary>
    public readonly double Expected(long bytes) => Rate * bytes;

    /// <summary>The most bytes of so many that the baseline and chance explain; 0 on a path that loses nothing.</summary>
    public readonly double Explains(long bytes)
    {
        double expected = Expected(bytes);
        return expected + (Deviations * Math.Sqrt(Dispersion * expected * (1 - Rate) * segmentSize));
    }
}
