using Causeway.Kcp.Wire;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Turns datagrams that get lost, reordered and repeated into two ordered byte streams, with KCP's segments on the wire
/// (docs/wire/kcptun.md 5) and loss detection, timers and windows of its own behind it.
/// </summary>
/// <remarks>
/// <para>
/// A plain object: it reads no clock and starts nothing. The driver gives it arrived datagrams (<see cref="Input"/>)
/// and bytes to send (<see cref="Write"/>), takes received bytes (<see cref="TryRead"/>), and at the end of each turn,
/// and when <see cref="NextDeadline"/> has come, calls <see cref="Flush"/>, which writes what may leave now.
/// Acknowledgements and data share datagrams, so the more happens in a turn, the fewer leave.
/// </para>
/// <para>One thread at a time; times must never decrease. What a peer sends never throws.</para>
/// </remarks>
public sealed partial class ArqSession : IDisposable
{
    private const long InitialRtoMicroseconds = 200_000;
    private const long MaxRtoMicroseconds = 60_000_000;
    private const long MaxAckDelayMicroseconds = 2_000;

    // Spec 5.4: what a sender assumes until the peer says otherwise.
    private const int InitialPeerWindow = 32;

    // kcptun's sndwnd on a server.
    private const int UncontrolledSendWindow = 1024;

    private readonly ArqOptions _options;
    private readonly CongestionController _congestion;
    private readonly WireClock _clock;
    private readonly int _segmentSize;
    private readonly int _sendWindow;

    private readonly SendRing _ring;
    private readonly TransmissionList _inFlight = new();
    private readonly TransmissionList _lost = new();
    private readonly RttEstimator _rtt;
    private readonly RetransmissionTimer _timer;
    private readonly LossDetector _detector;
    private readonly bool _usesRack;
    private readonly TailLossProbe _tailProbe = new();
    private readonly ThinStreamCopies _copies = new();
    private readonly LossMeter _lossMeter = new();
    private readonly DeliveryRateSampler _rate = new();
    private readonly Pacer _pacer;
    private readonly WindowProbe _probe;
    private readonly DeadLinkMonitor _deadLink;
    private readonly BlackHoleDetector _blackHole = new();
    private readonly ReceiveWindow _receive;
    private readonly AckList _acks;
    private readonly ReceivedRanges _receivedRanges = new();
    private readonly PathExchange _path = new();
    private readonly RestartDetector _restart = new();
    private readonly SilenceProbe _silence = new();
    private readonly EcnValidation? _ecn;

    private LossEpisode _episode;
    private int _peerWindow = InitialPeerWindow;
    private long _lastTransmission;
    private Timestamp _newDataSentAt = Timestamp.LongAgo;
    private Timestamp _flushedAt;
    private bool _ranDry;
    private bool _isCongestionLimited;
    private bool _isLimitReported;
    private int _timeoutProbes;
    private bool _isProbeDue;
    private bool _isProbeAsked;
    private bool _peerIsCauseway;
    private bool _hasMark;
    private bool _hasUnmarkedAck;
    private bool _isClosed;

    // A mutable struct: not readonly.
    private RunWatch _watch = new();
    private Timestamp _resumedAt = Timestamp.LongAgo;
    private long _lastBeforePause;
    private uint _heartbeatsFrom;

    /// <summary>Makes a session whose sequence numbers start at 0 in both directions.</summary>
    /// <param name="conversationId">The conversation, which both sides put into every segment.</param>
    /// <param name="options">Settings; both sides may differ in all of them.</param>
    /// <param name="congestion">Limits what is in flight and how fast it leaves. Belongs to this session alone.</param>
    /// <param name="pool">Where segments are buffered; its buffers must hold one segment's data.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An option is out of range, or the pool's buffers are too small.
    /// </exception>
    public ArqSession(uint conversationId, ArqOptions options, CongestionController congestion, PacketPool pool)
        : this(conversationId, options, congestion, pool, initialSend: 0, initialReceive: 0)
    {
    }

    internal ArqSession(
        uint conversationId,
        ArqOptions options,
        CongestionController congestion,
        PacketPool pool,
        uint initialSend,
        uint initialReceive)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(congestion);
        ArgumentNullException.ThrowIfNull(pool);
        options.Validate();
        _segmentSize = options.SegmentSize;
        if (_segmentSize > pool.BufferSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(pool),
                pool.BufferSize,
                $"The pool's buffers hold {pool.BufferSize} bytes; with {nameof(ArqOptions)}.{nameof(options.MaxDatagramSize)}"
                + $" at {options.MaxDatagramSize} a segment needs {_segmentSize}.");
        }

        ConversationId = conversationId;
        _options = options;
        _congestion = congestion;
        _clock = new WireClock(options.TimestampResolutionMicroseconds);
        long interval = ToMicroseconds(options.Interval);
        long timeout = ToMicroseconds(options.DeadLinkTimeout);
        _ring = new SendRing(pool, _segmentSize, initialSend);
        _heartbeatsFrom = initialSend;
        _rtt = new RttEstimator(
            options.TimestampResolutionMicroseconds,
            leastRto: options.NoDelay ? 30_000 : 100_000,
            margin: interval,
            InitialRtoMicroseconds,
            MaxRtoMicroseconds);
        _timer = new RetransmissionTimer(options.NoDelay);
        _detector = new LossDetector(options.FastResend);
        _usesRack = options.Recovery == LossRecovery.Rack;
        _pacer = new Pacer(options.MaxDatagramSize);
        _probe = new WindowProbe(timeout);
        _deadLink = new DeadLinkMonitor(options.DeadLinkTransmissions, timeout);

        _sendWindow = options.SendWindow
            ?? (congestion is FixedController ? UncontrolledSendWindow : options.BudgetInSegments);
        int receiveWindow = options.ReceiveWindow ?? options.BudgetInSegments;

        // Twice the window in datagrams is what an honest peer can fill: in order unread, and out of order.
        PayloadKeeper keeper = new(pool, 2L * receiveWindow * options.MaxDatagramSize);
        _receive = new ReceiveWindow(receiveWindow, initialReceive, keeper, isAutomatic: options.ReceiveWindow is null);
        _acks = new AckList(
            limit: Math.Max(128, 2 * receiveWindow),
            options.AckNoDelay ? 0 : Math.Min(interval / 4, MaxAckDelayMicroseconds));
        if (options.Ecn && congestion.AnswersMarks)
        {
            _ecn = new EcnValidation();
            _path.Announcement = new PathAnnouncement(0, 0);
        }

        Statistics.Rto = FromMicroseconds(_rtt.Rto);
    }

    /// <summary>The conversation that both sides put into every segment.</summary>
    public uint ConversationId { get; }

    /// <summary>Counters and gauges.</summary>
    public ArqStatistics Statistics { get; } = new();

    /// <summary>
    /// Why the session gave up, or null. A failed session has released everything: it takes no input, sends nothing,
    /// and drops what is written.
    /// </summary>
    public ArqFailure? Failure { get; private set; }

    /// <summary>With <see cref="ArqFailure.LongDatagramsLost"/>: bytes of the datagram that never arrived.</summary>
    public int LostDatagramSize { get; private set; }

    /// <summary>Whether something written was not acknowledged yet.</summary>
    public bool HasUnacknowledged => _inFlight.Count + _lost.Count + _ring.UnsentCount > 0;

    /// <summary>When something valid last arrived, or Never if nothing has.</summary>
    public Timestamp HeardAt { get; private set; } = Timestamp.Never;

    /// <summary>What is known of how the path to the peer treats congestion marks.</summary>
    public EcnState EcnState => _ecn?.State ?? EcnState.Off;

    /// <summary>
    /// Whether everything written was acknowledged: the session can be closed without losing any of it.
    /// </summary>
    public bool IsIdle => !HasUnacknowledged;

    /// <summary>
    /// Since when something that was sent waits for an answer and nothing at all was heard of the peer;
    /// <see cref="Timestamp.Never"/> if nothing waits. May be read by any thread.
    /// </summary>
    public Timestamp WaitingSince => _deadLink.WaitingSince;

    /// <summary>Segments written and not yet sent.</summary>
    public int SendQueueLength => _ring.UnsentCount;

    /// <summary>Segments sent and not yet passed by the peer's cumulative acknowledgement.</summary>
    public int SendBufferLength => _ring.SentCount;

    /// <summary>
    /// Bytes read from here that the layer above still holds, for it to say before a flush: they count against
    /// <see cref="ArqOptions.MemoryBudget"/> where the receive window sets itself.
    /// </summary>
    public long HeldAbove { get; set; }

    /// <summary>Segments that the peer may send before the reader takes one.</summary>
    public int ReceiveCapacity => _receive.Free;

    /// <summary>Segments received in order and not yet read.</summary>
    public int ReceiveQueueLength => _receive.UnreadCount;

    /// <summary>Segments received that wait for one before them, or for the reader.</summary>
    public int ReceiveBufferLength => _receive.OutOfOrderCount;

    /// <summary>
    /// The soonest time at which <see cref="Flush"/> has something to do by itself: a retransmission, a window probe, a
    /// delayed acknowledgement, a paced burst, a verdict on a dead link. <see cref="Timestamp.Never"/> if there is
    /// nothing.
    /// </summary>
    public Timestamp NextDeadline
    {
        get
        {
            if (_isClosed)
            {
                return Timestamp.Never;
            }

            Timestamp deadline = Timestamp.Min(_acks.DueAt, Timestamp.Min(_deadLink.Deadline, _restart.ChallengeAt));
            if (_inFlight.Head is { } oldest)
            {
                deadline = Timestamp.Min(deadline, LossDeadline(oldest));
            }

            if (_ring.UnsentCount > 0)
            {
                deadline = Timestamp.Min(deadline, _probe.DueAt);
            }

            deadline = Timestamp.Min(deadline, SilenceProbeDueAt);

            if (_pacer.IsWaiting && WindowsAllowSomething())
            {
                deadline = Timestamp.Min(deadline, _pacer.ReadyAt);
            }

            return deadline;
        }
    }

    internal uint SendUnacknowledged => _ring.Unacknowledged;

    internal uint SendNext => _ring.Next;

    internal uint ReceiveNext => _receive.Next;

    internal int PeerWindow => _peerWindow;

    internal int PendingAcks => _acks.Count;

    /// <summary>
    /// How long a datagram that did not arrive may still be rebuilt from parity: before that, later acknowledgements are no
    /// reason to send it again. 0, the default, where no parity is sent.
    /// </summary>
    public long RepairDelayMicroseconds
    {
        get => _detector.RepairDelay;
        set => _detector.RepairDelay = value;
    }

    internal RttEstimator Rtt => _rtt;

    /// <summary>Whether the peer acknowledges as others do, and nothing else showed that it is one of ours.</summary>
    internal bool SeemsForeign => _hasUnmarkedAck && !_hasMark && _path.PeerAnnouncement is null && !_path.HasReport;

    /// <summary>What both ends tell each other of the path.</summary>
    internal PathExchange Path => _path;

    // Nodes of lists and rings that were looked at, so that a test can show that work does not grow with the window.
    internal long NodesVisited { get; private set; }

    /// <summary>Whether a flush at this time would send something or has a timer to serve.</summary>
    public bool HasPendingOutput(Timestamp now) =>
        !_isClosed && (NextDeadline <= now || _receive.IsReportDue
            || (WindowsAllowSomething() && _pacer.CanSend(_congestion.PacingRate, now)));

    /// <summary>
    /// Takes the next bytes received in order, and makes room in the window for as many. The caller owns the slice.
    /// </summary>
    /// <returns>False if there are none.</returns>
    public bool TryRead(out PacketSlice slice)
    {
        bool read = _receive.TryRead(out slice);
        Statistics.BytesReceived += slice.Length;
        return read;
    }

    /// <summary>
    /// Sets the <see cref="PacketBuffer.Ecn"/> of a datagram that leaves for the peer now, and remembers it. To be called
    /// once for each of them, also for those that error correction adds, if <see cref="ArqOptions.Ecn"/> is on.
    /// </summary>
    public void Mark(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (_ecn is not null)
        {
            datagram.Ecn = _ecn.OnSent();
        }
    }

    /// <summary>
    /// Has the next flush send something that a peer answers at once if it is there: the oldest segment in flight once more,
    /// or a question for its window. For a driver that has reason to doubt that the peer lives.
    /// </summary>
    public void Probe() => _isProbeAsked = true;

    /// <summary>
    /// Releases everything. Nothing is sent; use <see cref="IsIdle"/> to wait for what is on its way.
    /// </summary>
    public void Dispose()
    {
        _isClosed = true;
        _inFlight.Clear();
        _lost.Clear();
        _ring.Clear();
        _receive.Clear();
        _acks.Clear();
        Statistics.BytesInFlight = 0;
    }

    /// <summary>Gives back what the rings grew to, as far as they are empty.</summary>
    internal void Trim()
    {
        _ring.Trim();
        _receive.Trim();
    }

    private static long ToMicroseconds(TimeSpan duration) => duration.Ticks / TimeSpan.TicksPerMicrosecond;

    private static TimeSpan FromMicroseconds(long microseconds) => new(microseconds * TimeSpan.TicksPerMicrosecond);

    private Timestamp SilenceProbeDueAt => _usesRack
        ? _silence.DueAt(_deadLink.WaitingSince, _rtt.Shortest, _rtt.Rto)
        : Timestamp.Never;

    private bool IsHeartbeat(uint sequence) => !Sequence.IsBefore(sequence, _heartbeatsFrom);

    /// <summary>Takes a time in which this side did not run out of all that judges the peer and measures the path.</summary>
    private void NoteTime(Timestamp now)
    {
        if (_watch.IsSuspicious(now) && _inFlight.Head is { } oldest)
        {
            long gap = _watch.Gap(Timestamp.Min(LossDeadline(oldest), SilenceProbeDueAt), now);
            if (gap > 0)
            {
                OnPaused(gap, now);
            }
        }

        _watch.OnRun(now);
    }

    private void OnPaused(long gap, Timestamp now)
    {
        Statistics.Pauses++;
        _resumedAt = now;
        _lastBeforePause = _lastTransmission;
        _deadLink.Shift(gap);
        _timer.Shift(gap);
        _silence.Shift(gap);
        _restart.Shift(gap);
        _rate.Shift(gap);
        _newDataSentAt = _newDataSentAt.AddMicroseconds(gap);
        _inFlight.Shift(gap);
        _lost.Shift(gap);
    }

    private void Fail(ArqFailure failure)
    {
        Failure = failure;
        Dispose();
    }
}
