using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <summary>
/// What is in flight, what of it was acknowledged and what is lost: by later acknowledgements, by timers, by a probe of the tail.
/// Tells the congestion controller of all of it.
/// </summary>
/// <remarks>
/// <para>
/// Transmissions in flight form a list in the order they were sent, so that each rule looks at the head of it only, and walks
/// over exactly the segments that it moves. Lost ones form another, from which they are sent again.
/// </para>
/// <para>
/// For each datagram that arrives: acknowledgements (<see cref="OnAck"/>, <see cref="OnRanges"/>), then
/// <see cref="AdvanceTo"/>, then <see cref="EndAcks"/>. For each flush: <see cref="Detect"/>, <see cref="DetectEarly"/>, then
/// <see cref="OnSent"/> for each segment that leaves.
/// </para>
/// </remarks>
internal sealed partial class ArqRecovery
{
    private const long InitialRtoMicroseconds = 200_000;
    private const long MaxRtoMicroseconds = 60_000_000;

    // While timeouts repeat, the path is down or was: two segments are enough to find out, and their acknowledgements
    // let the rules of order find everything else that was lost (compare RFC 9002 section 6.2.4).
    private const int ProbesPerRepeatedTimeout = 2;

    // Repeated retransmissions are paid from a credit that acknowledgements fill; a burst of 32 of them does no harm.
    private const int RepeatCost = 2;
    private const int RepeatCreditOfAck = 3;
    private const int MaxRepeatCredit = 32 * RepeatCost;

    private readonly SendWindow _window;
    private readonly SendRing _ring;
    private readonly CongestionController _congestion;
    private readonly ArqStatistics _statistics;
    private readonly WireClock _clock;
    private readonly int _segmentSize;
    private readonly bool _usesRack;
    private readonly bool _copiesThinStreams;

    private readonly TransmissionList _inFlight = new();
    private readonly TransmissionList _lost = new();
    private readonly RetransmissionTimer _timer;
    private readonly LossDetector _detector;
    private readonly TailLossProbe _tailProbe = new();
    private readonly ThinStreamCopies _copies = new();
    private readonly LossMeter _lossMeter = new();
    private readonly DeliveryRateSampler _rate = new();
    private readonly BlackHoleDetector _blackHole = new();

    private LossEpisode _episode;
    private long _lastTransmission;
    private Timestamp _newDataSentAt = Timestamp.LongAgo;
    private int _timeoutProbes;
    private int _repeatCredit = MaxRepeatCredit;
    private bool _isPathBack;
    private bool _hasAskedAfterLong;
    private Timestamp _resumedAt = Timestamp.LongAgo;
    private long _lastBeforePause;

    /// <param name="options">The session's settings.</param>
    /// <param name="window">What was written.</param>
    /// <param name="congestion">What is told of everything.</param>
    /// <param name="statistics">The session's counters.</param>
    /// <param name="clock">The clock of echoed timestamps.</param>
    public ArqRecovery(
        ArqOptions options, SendWindow window, CongestionController congestion, ArqStatistics statistics, WireClock clock)
    {
        _window = window;
        _ring = window.Ring;
        _congestion = congestion;
        _statistics = statistics;
        _clock = clock;
        _segmentSize = options.SegmentSize;
        _usesRack = options.Recovery == LossRecovery.Rack;
        _copiesThinStreams = options.CopyThinStreams;
        Rtt = new RttEstimator(
            options.TimestampResolutionMicroseconds,
            leastRto: options.NoDelay ? 30_000 : 100_000,
            margin: options.Interval.Ticks / TimeSpan.TicksPerMicrosecond,
            InitialRtoMicroseconds,
            MaxRtoMicroseconds);
        _timer = new RetransmissionTimer(options.NoDelay);
        _detector = new LossDetector(options.FastResend);
        statistics.Rto = ToTimeSpan(Rtt.Rto);
    }

    /// <summary>Round-trip time and timeout.</summary>
    public RttEstimator Rtt { get; }

    /// <summary>The segment whose newest transmission left first, or null if nothing is in flight.</summary>
    public SendSegment? OldestInFlight => _inFlight.Head;

    /// <summary>The lost segment to be sent again next, or null.</summary>
    public SendSegment? FirstLost => _lost.Head;

    /// <summary>Payload bytes in flight.</summary>
    public long BytesInFlight => _inFlight.Bytes;

    /// <summary>Segments that were sent and not acknowledged, lost ones included.</summary>
    public int OutstandingCount => _inFlight.Count + _lost.Count;

    /// <summary>Whether a flush has to send the oldest segment in flight once more, to find out what arrived.</summary>
    public bool IsProbeDue { get; private set; }

    /// <summary>Whether the timer ran out so often in a row that the path must have changed.</summary>
    public bool IsPersistent => _timer.IsPersistent;

    /// <summary>Whether <see cref="DetectEarly"/> applies although new data could leave.</summary>
    public bool AlwaysDetectsEarly => _usesRack;

    /// <summary>How long parity may take that rebuilds a segment, in microseconds.</summary>
    public long RepairDelay
    {
        get => _detector.RepairDelay;
        set => _detector.RepairDelay = value;
    }

    /// <summary>Nodes of lists and rings that were looked at: work must not grow with the window.</summary>
    public long NodesVisited { get; private set; }

    /// <summary>When something in flight is to be judged or sent again by itself; Never if nothing is in flight.</summary>
    public Timestamp Deadline
    {
        get
        {
            if (_inFlight.Head is not { } oldest)
            {
                return Timestamp.Never;
            }

            Timestamp deadline = Timestamp.Min(_timer.Deadline(oldest, Rtt.Rto), Timestamp.Min(ProbeDueAt, NextCopy(out _)));
            if (_detector.IsSkippedEnough(oldest))
            {
                return Timestamp.Min(deadline, _detector.FastDueAt(oldest, Rtt.Smoothed));
            }

            return _detector.IsSkipped(oldest) ? Timestamp.Min(deadline, EarlyDueAt(oldest)) : deadline;
        }
    }

    // In a thin stream the next message would put the probe off for ever, and tells nothing of those before it.
    private Timestamp ProbeDueAt => _usesRack && !_timer.IsBackedOff
        && (IsThin ? _inFlight.Head : _inFlight.Tail) is { } waiting
        ? _tailProbe.DueAt(waiting, Rtt.Smoothed, Rtt.Variance, Rtt.Rto)
        : Timestamp.Never;

    /// <summary>
    /// Whether so little is in flight, with nothing waiting, that later acknowledgements seldom tell of a loss.
    /// </summary>
    private bool IsThin => _ring.UnsentCount == 0 && OutstandingCount <= ThinStreamCopies.MostInFlight;

    /// <summary>The oldest segment that was sent and that nothing acknowledges, if that is what una waits for.</summary>
    private SendSegment? OldestUnacknowledged =>
        _ring.SentCount > 0 && _ring[_ring.Unacknowledged] is { State: not SendState.Acknowledged } oldest ? oldest : null;

    /// <summary>Whether the congestion controller lets so many bytes leave.</summary>
    // With nothing in flight no acknowledgement can open the window again, so one segment always may leave; after a
    // timeout the first retransmissions may too, whatever the controller thinks (RFC 9002 section 7.5).
    public bool CongestionAllows(int length, bool isRetransmission) =>
        length <= _congestion.Window - _inFlight.Bytes
        || _inFlight.Count == 0
        || (isRetransmission && _timeoutProbes > 0);

    /// <summary>Whether a lost segment may be sent again.</summary>
    // Segments whose retransmission was lost too go again for acknowledgements that arrived, three for two (packet
    // conservation, RFC 6937 section 3, with room for a third of them to be lost once more). A fixed window larger than what
    // the path and its queue hold would otherwise send all that was lost again and again, once a round trip, and lose most
    // of it every time.
    public bool MayRepeat(SendSegment lost) => CongestionAllows(lost.Length, isRetransmission: true)
        && (lost.Transmissions < 2 || _repeatCredit >= RepeatCost || _inFlight.Count == 0 || _timeoutProbes > 0);

    /// <summary>When the next segment of a thin stream is to be sent once more, and which.</summary>
    public Timestamp NextCopy(out SendSegment? next)
    {
        next = null;
        Timestamp due = Timestamp.Never;
        if (!_copiesThinStreams || !IsThin)
        {
            return due;
        }

        for (SendSegment? segment = _inFlight.Head; segment is not null; segment = segment.Next)
        {
            Timestamp at = _copies.DueAt(segment, _lossMeter.Rate, Rtt.Smoothed, Rtt.Variance);
            if (at < due)
            {
                (due, next) = (at, segment);
            }
        }

        return due;
    }

    /// <summary>A segment leaves, for the first time or again.</summary>
    /// <param name="segment">The segment; new ones are the ring's next.</param>
    /// <param name="ticks">The timestamp that it bears.</param>
    /// <param name="now">The time.</param>
    public void OnSent(SendSegment segment, uint ticks, Timestamp now)
    {
        NodesVisited++;
        switch (segment.State)
        {
            case SendState.Lost:
                CountRetransmission(segment);
                _lost.Remove(segment);
                _repeatCredit = Math.Max(0, _repeatCredit - (segment.Transmissions < 2 ? 0 : RepeatCost));
                _timeoutProbes = Math.Max(0, _timeoutProbes - 1);
                break;
            case SendState.InFlight:
                _inFlight.Remove(segment);
                break;
            default:
                _ring.AdvanceNext(segment);
                segment.FirstTicks = ticks;
                segment.FirstSentAt = now;
                _newDataSentAt = now;
                break;
        }

        _rate.OnSent(segment, _inFlight.Bytes, now);

        segment.State = SendState.InFlight;
        segment.Transmission = ++_lastTransmission;
        segment.Transmissions++;
        if (segment.Transmissions > 1)
        {
            _blackHole.OnRepeated(segment.Length);
        }

        segment.SentAt = now;
        segment.SentTicks = ticks;
        _inFlight.Append(segment);
        _statistics.OutDataSegments++;
        SentEvent e = new()
        {
            Now = now,
            Bytes = segment.Length,
            BytesInFlight = _inFlight.Bytes,
            IsAppLimited = _rate.IsAppLimited,
            IsRetransmission = segment.Transmissions > 1,
        };
        _congestion.OnSent(in e);
    }

    /// <summary>The probe left that was due, or asked for.</summary>
    public void OnProbed(Timestamp now)
    {
        _tailProbe.OnSent();
        _timer.OnProbed(now);
        _statistics.TailLossProbes++;
    }

    /// <summary>A due probe was sent, or there was nothing to send it with.</summary>
    public void EndProbe() => IsProbeDue = false;

    /// <summary>A second copy of a segment left.</summary>
    public void OnCopied(SendSegment segment, Timestamp now)
    {
        _copies.OnSent(segment.Length, now);
        _statistics.Copies++;
    }

    /// <summary>The application left room unused: until what is in flight was acknowledged, samples show its pace.</summary>
    public void OnIdle() => _rate.OnIdle(_inFlight.Bytes);

    /// <summary>A report of the peer's window arrived, which answers the question of <see cref="ShouldAskAfterLong"/>.</summary>
    public void OnWindowReport()
    {
        if (_hasAskedAfterLong)
        {
            _hasAskedAfterLong = false;
            _blackHole.OnPassed(length: 0);
        }
    }

    /// <summary>Whether to ask the peer for an answer in a short datagram of its own, since long ones may not arrive.</summary>
    public bool ShouldAskAfterLong(Timestamp now) =>
        OldestUnacknowledged is { } suspect && _blackHole.ShouldAsk(suspect, now);

    /// <summary>That question has left.</summary>
    public void OnAskedAfterLong()
    {
        _blackHole.OnAsked();
        _hasAskedAfterLong = true;
    }

    /// <summary>Bytes of the segment that is too long for the path; 0 while nothing shows that one is.</summary>
    public int CheckPath(Timestamp now) =>
        OldestUnacknowledged is { } oldest && _blackHole.Check(oldest, now) ? oldest.Length : 0;

    /// <summary>This side did not run for so long: nothing in flight could be acknowledged.</summary>
    public void OnPaused(long microseconds, Timestamp now)
    {
        _resumedAt = now;
        _lastBeforePause = _lastTransmission;
        _timer.Shift(microseconds);
        _rate.Shift(microseconds);
        _newDataSentAt = _newDataSentAt.AddMicroseconds(microseconds);
        _inFlight.Shift(microseconds);
        _lost.Shift(microseconds);
    }

    /// <summary>Forgets everything; the ring releases it.</summary>
    public void Clear()
    {
        _inFlight.Clear();
        _lost.Clear();
        _statistics.BytesInFlight = 0;
    }

    private static TimeSpan ToTimeSpan(long microseconds) => new(microseconds * TimeSpan.TicksPerMicrosecond);

    private void CountRetransmission(SendSegment segment)
    {
        switch (segment.LostBy)
        {
            case LossReason.Fast:
                _statistics.FastRetransmits++;
                break;
            case LossReason.Early:
                _statistics.EarlyRetransmits++;
                break;
            default:
                _statistics.Timeouts++;
                break;
        }
    }
}
