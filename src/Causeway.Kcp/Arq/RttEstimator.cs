namespace Causeway.Kcp.Arq;

/// <summary>
/// Round-trip time and retransmission timeout by KCP's integer formulas (docs/wire/kcptun.md 5.8). The formulas round to ticks of
/// the wire's clock: with a tick of a millisecond they reproduce kcptun's values, with one of a microsecond they do not round a
/// short path to zero. Every value at this class's face is in microseconds.
/// </summary>
internal sealed class RttEstimator
{
    private readonly long _tick;
    private readonly long _leastRto;
    private readonly long _margin;
    private readonly long _mostRto;

    // In ticks.
    private long _smoothed;
    private long _variance;
    private long _rto;
    private long _shortest;

    /// <param name="tick">What a sample is a multiple of.</param>
    /// <param name="leastRto">The smallest timeout.</param>
    /// <param name="margin">What the timeout is above the round-trip time at least.</param>
    /// <param name="initialRto">The timeout before the first sample.</param>
    /// <param name="mostRto">The largest timeout.</param>
    public RttEstimator(long tick, long leastRto, long margin, long initialRto, long mostRto)
    {
        _tick = tick;
        _leastRto = leastRto / tick;
        _margin = margin / tick;
        _mostRto = mostRto / tick;
        _rto = initialRto / tick;
    }

    public long Smoothed => _smoothed * _tick;

    public long Variance => _variance * _tick;

    public long Rto => _rto * _tick;

    /// <summary>The smallest sample: the path without queues. 0 before the first.</summary>
    public long Shortest => _shortest * _tick;

    /// <summary>Whether there was a sample.</summary>
    public bool HasSample { get; private set; }

    /// <summary>
    /// Takes a sample. One above the largest timeout says that the process slept, not how long the path is.
    /// </summary>
    public void Add(long microseconds)
    {
        long sample = _tick == 1 ? microseconds : microseconds / _tick;
        if (sample < 0 || sample > _mostRto)
        {
            return;
        }

        _shortest = HasSample ? Math.Min(_shortest, sample) : sample;
        HasSample = true;
        if (_smoothed == 0)
        {
            _smoothed = sample;
            _variance = sample >> 1;
        }
        else
        {
            long error = sample - _smoothed;
            _smoothed += error >> 3;
            long distance = Math.Abs(error);

            // A sample far below the estimate is good news and should not widen the timeout: it weighs an eighth as
            // much.
            int shift = sample < _smoothed - _variance ? 5 : 2;
            _variance += (distance - _variance) >> shift;
        }

        _rto = Math.Clamp(_smoothed + Math.Max(_margin, 4 * _variance), _leastRto, _mostRto);
    }
}
