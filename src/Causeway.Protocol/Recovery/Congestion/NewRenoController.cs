namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// NewReno (RFC 5681, RFC 6582) as RFC 9002 section 7 states it for selective acknowledgements: one segment more each
/// round trip, half after a loss. The plainest controller there is, and the most timid on long, fast paths.
/// </summary>
public sealed class NewRenoController : CongestionController
{
    // RFC 5681 section 3.1, RFC 9002 section 7.3.2.
    private const double Decrease = 0.5;

    // A mark says that a queue has begun to form, not that it is full, so that less will empty it (RFC 8511 section 3.1).
    private const double MarkDecrease = 0.8;

    private readonly int _segmentSize;
    private readonly HyStart? _hyStart;
    private RecoveryPeriod _recovery;
    private State _state;
    private State? _undo;
    private long _smoothedRtt;

    // Timeouts follow each other without an acknowledgement in between.
    private bool _isTimedOut;

    /// <summary>Makes a controller.</summary>
    /// <param name="segmentSize">Payload bytes of a full segment: the session's largest datagram minus 24.</param>
    /// <param name="useHyStart">
    /// Whether the first slow start ends when round trips become longer (HyStart++, RFC 9406) and not only when a queue
    /// has overflowed. Default off.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive.</exception>
    public NewRenoController(int segmentSize, bool useHyStart = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);
        _segmentSize = segmentSize;
        _hyStart = useHyStart ? new HyStart() : null;
        _state.Window = WindowRules.Initial(segmentSize);
        _state.Threshold = long.MaxValue;
    }

    /// <inheritdoc/>
    public override long Window => _state.Window;

    /// <inheritdoc/>
    public override long PacingRate => WindowRules.PacingRate(
        Window, _smoothedRtt, IsSlowStart && !(IsFirstSlowStart && _hyStart is { IsConservative: true }));

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
    public override void OnAck(in AckEvent e)
    {
        _smoothedRtt = e.SmoothedRttMicroseconds;
        _isTimedOut &= e.Bytes == 0;
        _recovery.OnAck(in e);
        HyStart? hyStart = IsFirstSlowStart ? _hyStart : null;
        hyStart?.OnAck(in e);

        // RFC 9002 section 7.8: a window that is not used up does not grow. Section 7.3.2: nor does it in recovery, which
        // also keeps data that arrived before a timeout from opening it (what L = 1 is for in RFC 3465 section 2.3).
        if (!_recovery.IsActive && e.IsCongestionLimited)
        {
            if (IsSlowStart)
            {
                long growth = hyStart is null ? e.Bytes : hyStart.Growth(e.Bytes);
                _state.Window = Math.Min(_state.Window + growth, _state.Threshold);
            }
            else
            {
                AvoidCongestion(e.Bytes);
            }
        }

        if (hyStart is { IsFinished: true })
        {
            _state.Threshold = _state.Window;
        }
    }

    /// <inheritdoc/>
    public override void OnLoss(in LossEvent e)
    {
        bool isNew = !_recovery.Covers(e.NewestSentAt);

        // If a timeout is not the first in a row, the threshold stays as it is (RFC 5681 section 3.1).
        if (isNew && !(e.IsTimeout && _isTimedOut))
        {
            _undo = _state;
            Reduce(Decrease);
            _recovery.Begin(e.Now);
        }

        if (e.IsTimeout)
        {
            _state.Window = WindowRules.Minimum(_segmentSize);
            _state.Acknowledged = 0;
            _isTimedOut = true;
            _recovery.Begin(e.Now);
        }

        // The path is not what it was (RFC 9002 section 7.6): its old window may be far too much for it.
        if (e.IsPersistentCongestion)
        {
            _undo = null;
        }
    }

    /// <inheritdoc/>
    public override void OnSpuriousLoss(Timestamp now)
    {
        if (_undo is not { } before)
        {
            return;
        }

        // RFC 4015 section 3, without its slow start: pacing spreads what may be sent now.
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

    // One segment for each window's worth of acknowledged bytes (RFC 3465 section 2.1).
    private void AvoidCongestion(long acknowledged)
    {
        _state.Acknowledged += Math.Min(acknowledged, _state.Window);
        if (_state.Acknowledged >= _state.Window)
        {
            _state.Acknowledged -= _state.Window;
            _state.Window += _segmentSize;
        }
    }

    private void Reduce(double share)
    {
        _state.Threshold = WindowRules.Reduced(_state.Window, share, _segmentSize);
        _state.Window = _state.Threshold;
        _state.Acknowledged = 0;
    }

    /// <summary>All that a reduction changes, for when it turns out to have been needless.</summary>
    private struct State
    {
        // cwnd in bytes.
        public long Window;

        // ssthresh in bytes.
        public long Threshold;

        // Bytes acknowledged in congestion avoidance that the window has not grown for.
        public long Acknowledged;
    }
}
