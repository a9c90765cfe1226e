namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// CUBIC (RFC 9438) with HyStart++ (RFC 9406): what TCP uses nearly everywhere. It fills a path that loses only when its
/// queue overflows, shares it with TCP as one TCP connection would, and takes every loss for congestion: on a path that
/// loses at random it gets a small part of the rate.
/// </summary>
public sealed class CubicController : CongestionController
{
    // beta_cubic (section 4.6).
    private const double Decrease = 0.7;

    // A mark says that a queue has begun to form, not that it is full, so that less will empty it (RFC 8511 section 3.1).
    private const double MarkDecrease = 0.85;

    // Section 4.7: a flow that did not get back to where it was leaves room for others.
    private const double FastConvergence = (1 + Decrease) / 2;

    // alpha_cubic (section 4.3): with it, halving less than Reno comes to the same average window.
    private const double RenoIncrease = 3 * (1 - Decrease) / (1 + Decrease);

    // Section 4.2: the window grows by no more than half in a round trip.
    private const double MostGrowth = 1.5;

    private const double SecondsPerMicrosecond = 1e-6;

    private readonly int _segmentSize;
    private readonly HyStart _hyStart = new();
    private RecoveryPeriod _recovery;
    private State _state;
    private State? _undo;
    private long _smoothedRtt;

    // Timeouts follow each other without an acknowledgement in between.
    private bool _isTimedOut;

    /// <summary>Makes a controller.</summary>
    /// <param name="segmentSize">Payload bytes of a full segment: the session's largest datagram minus 24.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive.</exception>
    public CubicController(int segmentSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);
        _segmentSize = segmentSize;
        _state.Window = WindowRules.Initial(segmentSize);
        _state.Threshold = long.MaxValue;
    }

    /// <inheritdoc/>
    public override long Window => (long)_state.Window;

    /// <inheritdoc/>
    public override long PacingRate =>
        WindowRules.PacingRate(Window, _smoothedRtt, IsSlowStart && !(IsFirstSlowStart && _hyStart.IsConservative));

    /// <inheritdoc/>
    public override bool AnswersMarks => true;

    /// <summary>
    /// The window in bytes below which it grows as fast as data is acknowledged; <see cref="long.MaxValue"/> until the
    /// first slow start has ended.
    /// </summary>
    public long SlowStartThreshold => _state.Threshold;

    /// <summary>Whether the window is below <see cref="SlowStartThreshold"/>.</summary>
    public bool IsSlowStart => _state.Window < _state.Threshold;

    private bool IsFirstSlowStart => _state.Threshold == long.MaxValue;

    /// <inheritdoc/>
    public override void OnSent(in SentEvent e)
    {
        // Nothing was in flight: the time that has passed does not count for the curve (section 5.8).
        if (e.BytesInFlight <= e.Bytes)
        {
            _state.CountedUntil = e.Now;
        }
    }

    /// <inheritdoc/>
    public override void OnAck(in AckEvent e)
    {
        _smoothedRtt = e.SmoothedRttMicroseconds;
        _isTimedOut &= e.Bytes == 0;
        _recovery.OnAck(in e);
        if (IsFirstSlowStart)
        {
            FirstSlowStart(in e);
        }
        else if (!_recovery.IsActive && e.IsCongestionLimited)
        {
            if (IsSlowStart)
            {
                _state.Window = Math.Min(_state.Window + e.Bytes, _state.Threshold);
            }
            else
            {
                AvoidCongestion(in e);
            }
        }

        _state.CountedUntil = e.Now;
    }

    /// <inheritdoc/>
    public override void OnLoss(in LossEvent e)
    {
        bool isNew = !_recovery.Covers(e.NewestSentAt);
        if (e.IsTimeout)
        {
            OnTimeout(in e, isNew);
        }
        else if (isNew)
        {
            _undo = _state;
            Reduce(Decrease);
            _recovery.Begin(e.Now);
        }
    }

    /// <inheritdoc/>
    public override void OnSpuriousLoss(Timestamp now)
    {
        if (_undo is not { } before)
        {
            return;
        }

        // Section 4.9.2: unless the window has grown beyond it since. The time of the needless recovery counts for the
        // curve, as it does if t_epoch is restored. Pacing spreads what may be sent now.
        if (_state.Window < before.Window)
        {
            _state = before;
        }

        _undo = null;
        _isTimedOut = false;
        _recovery.Cancel();
    }

    /// <inheritdoc/>
    public override void OnEcnMarks(in EcnEvent e)
    {
        // Marks are congestion, whatever becomes of the losses that the last reduction answered.
        _undo = null;
        if (!_recovery.CoversMarks())
        {
            Reduce(MarkDecrease);
            _recovery.Begin(e.Now);
        }
    }

    private void FirstSlowStart(in AckEvent e)
    {
        _hyStart.OnAck(in e);
        if (e.IsCongestionLimited)
        {
            _state.Window += _hyStart.Growth(e.Bytes);
        }

        if (_hyStart.IsFinished)
        {
            // Without a loss there is no W_max: the stage begins on its plateau (section 4.10).
            _state.Threshold = Window;
            _state.Prior = _state.Window;
        }
    }

    private void AvoidCongestion(in AckEvent e)
    {
        if (!_state.IsStage)
        {
            BeginStage();
        }
        else
        {
            _state.Elapsed += Math.Max(0, e.Now.MicrosecondsSince(_state.CountedUntil));
        }

        double seconds = _state.Elapsed * SecondsPerMicrosecond;
        double window = _state.Window;
        double share = Math.Min(1, e.Bytes / window);

        // Figure 4. Once it is where the window was, it grows as Reno's.
        double increase = _state.RenoWindow >= _state.Prior ? 1 : RenoIncrease;
        _state.RenoWindow += increase * _segmentSize * share;
        if (_state.Curve.At(seconds) < _state.RenoWindow)
        {
            // The Reno-friendly region (section 4.3). The curve looks a round trip ahead and may have been faster.
            _state.Window = Math.Max(window, _state.RenoWindow);
            return;
        }

        // Sections 4.4 and 4.5: in a round trip to where the curve will be then.
        double ahead = _state.Curve.At(seconds + (e.SmoothedRttMicroseconds * SecondsPerMicrosecond));
        double target = Math.Clamp(ahead, window, MostGrowth * window);
        _state.Window += (target - window) * share;
    }

    // After a loss the first acknowledgement of newer data begins it; after a timeout and HyStart++ the first one at the
    // threshold, with K = 0 since there is no W_max (sections 4.8 and 4.10).
    private void BeginStage()
    {
        _state.IsStage = true;
        _state.Elapsed = 0;
        _state.Curve = new CubicCurve(_state.Plateau, _state.Window, _segmentSize);
        _state.Plateau = _state.Curve.Plateau;
        _state.RenoWindow = _state.Window;
    }

    // Section 4.6, with the window for flight_size as in RFC 9002: it only grows when it is used, and the data in flight
    // right after an acknowledgement of many segments is no measure of the path.
    private void Reduce(double share)
    {
        double window = _state.Window;
        _state.Plateau = window < _state.Plateau ? window * FastConvergence : window;
        _state.Prior = window;
        _state.Threshold = WindowRules.Reduced(Window, share, _segmentSize);
        _state.Window = _state.Threshold;
        _state.IsStage = false;
    }

    private void OnTimeout(in LossEvent e, bool isNew)
    {
        // Section 4.8. If it is not the first timeout in a row, or the loss has been answered, the threshold stays as it is
        // (RFC 5681 section 3.1).
        if (isNew && !_isTimedOut)
        {
            _undo = _state;
            Reduce(Decrease);
        }

        _state.Window = WindowRules.Minimum(_segmentSize);
        _state.Plateau = 0;
        _state.IsStage = false;
        _isTimedOut = true;
        _recovery.Begin(e.Now);

        // The path is not what it was (RFC 9002 section 7.6): its old window may be far too much for it.
        if (e.IsPersistentCongestion)
        {
            _undo = null;
        }
    }

    /// <summary>All that a reduction changes, and section 4.9.2 restores when it was needless.</summary>
    private struct State
    {
        // cwnd in bytes, with the fraction that small increments add up to.
        public double Window;

        // ssthresh in bytes.
        public long Threshold;

        // cwnd_prior in bytes: the window before the last reduction.
        public double Prior;

        // W_max in bytes; 0 while it is undefined.
        public double Plateau;

        // Whether a congestion avoidance stage has begun since the last reduction; the fields below belong to it.
        public bool IsStage;

        public CubicCurve Curve;

        // t in microseconds, without the times in which the window was not used up (section 5.8), and up to when it was
        // counted.
        public long Elapsed;
        public Timestamp CountedUntil;

        // W_est in bytes.
        public double RenoWindow;
    }
}
