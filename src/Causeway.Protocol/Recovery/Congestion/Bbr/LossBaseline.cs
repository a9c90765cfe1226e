namespace Causeway.Protocol.Recovery.Congestion;

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

    // Chance alone exceeds two standard deviations about once in forty round trips.
    private const double Deviations = 2;

    // Half of what was seen is forgotten after so many segments, so the estimate follows a path that changes.
    private const int Memory = 2048;
    private const int LeastSegments = 100;

    // Of what was seen in earlier cycles of probes.
    private const double Retained = 0.8;

    // Until there were enough runs to know their length, this is what is assumed.
    private const int LeastRuns = 10;
    private const double AssumedRunLength = 3;

    // What a path loses by nature it loses all the time, while queues overflow now and then: the loss of no stretch of so
    // many segments, out of the last few, may be much smaller.
    private const int StretchSegments = 512;

    private double _lost;
    private double _sent;
    private double _runs;

    private long _stretchLost;
    private long _stretchSent;
    private Stretches _ceilings = Stretches.None;

    /// <summary>The share of bytes that gets lost anyway, 0 to 0.25.</summary>
    public readonly double Rate => _lost == 0
        ? 0
        : Math.Min(_ceilings.Least, _lost / Math.Max(_sent, LeastSegments * (double)segmentSize));

    private readonly double RunLength => _runs < LeastRuns ? AssumedRunLength : Math.Max(1, _lost / segmentSize / _runs);

    /// <summary>Variance of the losses over that of independent ones: losses in runs vary more.</summary>
    private readonly double Dispersion => (2 * RunLength) - 1;

    /// <summary>Takes in any round trip, which tells at least what the path does not lose.</summary>
    public void Observe(long lostBytes, long sentBytes)
    {
        _stretchLost += lostBytes;
        _stretchSent += sentBytes;
        if (_stretchSent < StretchSegments * (long)segmentSize)
        {
            return;
        }

        // Two standard deviations of a count above it, in runs.
        double lost = _stretchLost / (double)segmentSize;
        double most = lost + Math.Sqrt(lost * RunLength) + RunLength;
        _ceilings.Push(Math.Min(MostTolerated, most * segmentSize / _stretchSent));
        _stretchLost = _stretchSent = 0;
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

    /// <summary>
    /// A cycle of probes is over. What is older counts for less, and what this cycle had no occasion to confirm for half,
    /// or an error could keep up the queue that prevents its correction.
    /// </summary>
    public void Age(bool wasConfirmed)
    {
        _lost *= wasConfirmed ? Retained : Retained / 2;
        _runs *= wasConfirmed ? Retained : Retained / 2;
        _sent *= Retained;
    }

    /// <summary>The bytes of so many that the path loses on average.</summary>
    public readonly double Expected(long bytes) => Rate * bytes;

    /// <summary>The most bytes of so many that the baseline and chance explain; 0 on a path that loses nothing.</summary>
    /// <param name="bytes">What was sent.</param>
    /// <param name="allowance">How many times the usual allowance chance is given.</param>
    public readonly double Explains(long bytes, double allowance = 1)
    {
        double expected = Expected(bytes);
        return expected + (allowance * Deviations * Math.Sqrt(Dispersion * expected * (1 - Rate) * segmentSize));
    }

    /// <summary>What the last four stretches allow.</summary>
    private struct Stretches(double newest, double second, double third, double fourth)
    {
        public static Stretches None => new(MostTolerated, MostTolerated, MostTolerated, MostTolerated);

        public readonly double Least => Math.Min(Math.Min(newest, second), Math.Min(third, fourth));

        public void Push(double ceiling) => this = new Stretches(ceiling, newest, second, third);
    }
}
