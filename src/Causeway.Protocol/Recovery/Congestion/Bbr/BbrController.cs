namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// BBR version 3 (draft-ietf-ccwg-bbr-05): keeps a model of the path, its bandwidth, its round-trip time and how much it
/// holds before it loses, and sends at that rate, instead of filling the queue until something is lost. The right choice
/// for links that lose packets, and for whatever shares a queue with people.
/// </summary>
/// <remarks>
/// <para>Names and steps are the draft's, and comments give its sections. It departs from it in four places:</para>
/// <list type="bullet">
/// <item>Losses that the path shows without load are its nature, not congestion (<see cref="LossBaseline"/>), and count
/// as having passed the bottleneck; see <see cref="BbrOptions.ToleratesRandomLoss"/>.</item>
/// <item>Loss ends startup only in a round in which the delivery rate did not grow any more.</item>
/// <item>Probing upward also ends when a quarter more than the path holds is in flight and no more of it arrives (as
/// draft-cardwell-iccrg-bbr-congestion-control-02 section 4.3.3.4): it bounds the queue to a quarter of a round trip.</item>
/// <item>A round-trip time near the smallest known one counts as seeing it again: no pause to see it is needed. Before losses
/// count as nature, there must be evidence that it is the empty path's (<see cref="EmptyPathEvidence"/>), for which a flow may
/// pause once more.</item>
/// </list>
/// </remarks>
public sealed partial class BbrController : CongestionController
{
    private const double StartupPacingGain = 2.77;
    private const double DrainPacingGain = 0.5;
    private const double DownPacingGain = 0.90;
    private const double UpPacingGain = 1.25;
    private const double DefaultWindowGain = 2;
    private const double UpWindowGain = 2.25;
    private const double ProbeRttWindowGain = 0.5;

    // Section 2.6: pace one percent below the bandwidth, so that queues drain.
    private const double PacingMargin = 0.99;
    private const double LossThreshold = 0.02;
    private const double Beta = 0.7;
    private const double Headroom = 0.15;
    private const int InitialWindowSegments = 10;
    private const int LeastWindowSegments = 4;
    private const long Unbounded = long.MaxValue;

    private readonly int _segmentSize;
    private readonly bool _toleratesRandomLoss;

    private long _window;
    private long _pacingRate;
    private ulong _randomState;

    /// <summary>Makes a controller.</summary>
    /// <param name="segmentSize">Payload bytes of a full segment.</param>
    /// <param name="options">Settings, or null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The segment size is not positive.</exception>
    public BbrController(int segmentSize, BbrOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);
        _segmentSize = segmentSize;
        _toleratesRandomLoss = (options ?? new BbrOptions()).ToleratesRandomLoss;
        _baseline = new LossBaseline(segmentSize);
        _randomState = (ulong)segmentSize;
        _window = InitialWindowSegments * segmentSize;

        // Section 5.6.2: the initial window over a nominal millisecond, until there is a round-trip time.
        _pacingRate = (long)(StartupPacingGain * _window * 1000);
    }

    /// <inheritdoc/>
    public override long Window => _window;

    /// <inheritdoc/>
    public override long PacingRate => _pacingRate;

    /// <summary>Where it is in its search.</summary>
    public BbrState State { get; private set; }

    /// <summary>
    /// The estimated bandwidth of the path in payload bytes a second, what gets lost by nature included; 0 before the
    /// first sample.
    /// </summary>
    public long Bandwidth => Math.Min(_maxBandwidth.Value, _bandwidthShortTerm);

    /// <summary>The estimated round-trip time without queues in microseconds, or -1 before the first sample.</summary>
    public long MinRttMicroseconds => _minRtt == Unbounded ? -1 : _minRtt;

    /// <summary>The share of data that the path is taken to lose by itself, 0 to 0.25.</summary>
    public double RandomLoss => _toleratesRandomLoss ? _baseline.Rate : 0;

    /// <inheritdoc/>
    /// <remarks>Sections 5.2.2 and 5.4.1.</remarks>
    public override void OnSent(in SentEvent e)
    {
        bool wasIdle = e.BytesInFlight == e.Bytes;
        if (wasIdle && e.IsAppLimited)
        {
            _idleRestart = true;
            _aggregationStart = e.Now;
            if (IsProbingBandwidth)
            {
                SetPacingRate(1);
            }
            else if (State == BbrState.ProbeRtt)
            {
                CheckProbeRttDone(e.Now);
            }
        }

        _isWindowLimited |= _window - e.BytesInFlight < _segmentSize;
    }

    /// <inheritdoc/>
    /// <remarks>Section 5.2.3; the order of the steps is the draft's.</remarks>
    public override void OnAck(in AckEvent e)
    {
        UpdateLatestDeliverySignals(in e);
        UpdateCongestionSignals(in e);
        UpdateMarks(in e);
        UpdateAckAggregation(in e);
        CheckFullBandwidthReached(in e);
        CheckStartupDone(in e);
        CheckDrainDone(in e);
        UpdateCyclePhase(in e);
        UpdateMinRtt(in e);
        CheckProbeRtt(in e);
        AdvanceLatestDeliverySignals();
        InitPacingRate(e.SmoothedRttMicroseconds);
        SetPacingRate(PacingGain);
        SetWindow(in e);
        if (_roundStart)
        {
            _isWindowLimited = false;
        }
    }

    /// <inheritdoc/>
    public override void OnSegmentLost(in SegmentLoss e) => HandleLostSegment(in e);

    /// <inheritdoc/>
    /// <remarks>Section 5.6.4.4.</remarks>
    public override void OnLoss(in LossEvent e)
    {
        if (e.IsTimeout)
        {
            SaveWindow();
            _isInTimeoutRecovery = true;
            _timeoutRecoveryEnd = _delivered;
            _window = Math.Max(Math.Max(e.PriorBytesInFlight - e.Bytes, 0) + e.SegmentSize, LeastWindow);
        }

        if (e.IsPersistentCongestion)
        {
            ForgetPath();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Section 5.5.11.2.</remarks>
    public override void OnSpuriousLoss(Timestamp now)
    {
        _lossInRound = false;
        ResetFullBandwidth();
        _bandwidthShortTerm = Math.Max(_bandwidthShortTerm, _undo.BandwidthShortTerm);
        _inflightShortTerm = Math.Max(_inflightShortTerm, _undo.InflightShortTerm);
        _inflightLongTerm = Math.Max(_inflightLongTerm, _undo.InflightLongTerm);
        if (State == BbrState.ProbeRtt || State == _undo.State)
        {
            return;
        }

        if (_undo.State == BbrState.Startup)
        {
            EnterStartup();
        }
        else if (_undo.State == BbrState.ProbeBandwidthUp)
        {
            StartUp(0);
        }
    }

    // Different flows must not probe in step (section 5.3.3.5.2); the times of their acknowledgements differ.
    private double NextRandom(Timestamp now)
    {
        unchecked
        {
            _randomState = (_randomState + (ulong)now.Microseconds) * 0x5851_F42D_4C95_7F2D;
            _randomState += 0x1405_7B7E_F767_814F;
            ulong mixed = (_randomState ^ (_randomState >> 29)) * 0xBF58_476D_1CE4_E5B9;
            return (mixed >> 11) * (1.0 / (1UL << 53));
        }
    }
}
