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
    private readonly ArqOptions _options;
    private readonly CongestionController _congestion;
    private readonly WireClock _clock;
    private readonly bool _usesRack;
    private readonly SendRing _ring;
    private readonly SendWindow _sendWindow;
    private readonly ArqReceiver _receiver;
    private readonly ArqRecovery _recovery;
    private readonly ArqSender _sender;
    private readonly PeerWatch _peer;
    private readonly PathExchange _path = new();
    private readonly EcnValidation? _ecn;

    private bool _peerIsCauseway;
    private bool _hasMark;
    private bool _hasUnmarkedAck;
    private bool _isClosed;

    // A mutable struct: not readonly.
    private RunWatch _watch = new();

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
        if (options.SegmentSize > pool.BufferSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(pool),
                pool.BufferSize,
                $"The pool's buffers hold {pool.BufferSize} bytes; with {nameof(ArqOptions)}.{nameof(options.MaxDatagramSize)}"
                + $" at {options.MaxDatagramSize} a segment needs {options.SegmentSize}.");
        }

        ConversationId = conversationId;
        _options = options;
        _congestion = congestion;
        _clock = new WireClock(options.TimestampResolutionMicroseconds);
        _usesRack = options.Recovery == LossRecovery.Rack;
        _ring = new SendRing(pool, options.SegmentSize, initialSend);
        _sendWindow = new SendWindow(_ring, ArqSender.WindowOf(options, congestion));
        _receiver = new ArqReceiver(options, pool, initialReceive, Statistics);
        _recovery = new ArqRecovery(options, _sendWindow, congestion, Statistics, _clock);
        _peer = new PeerWatch(options, _recovery.Rtt, initialSend);
        _sender = new ArqSender(options, _sendWindow, congestion, _recovery, _peer, Statistics);
        if (options.Ecn && congestion.AnswersMarks)
        {
            _ecn = new EcnValidation();
            _path.Announcement = new PathAnnouncement(0, 0);
        }
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
    public bool HasUnacknowledged => _recovery.OutstandingCount + _ring.UnsentCount > 0;

    /// <summary>When something valid last arrived, or Never if nothing has.</summary>
    public Timestamp HeardAt => _peer.HeardAt;

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
    public Timestamp WaitingSince => _peer.WaitingSince;

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
    public int ReceiveCapacity => _receiver.Free;

    /// <summary>Segments received in order and not yet read.</summary>
    public int ReceiveQueueLength => _receiver.UnreadCount;

    /// <summary>Segments received that wait for one before them, or for the reader.</summary>
    public int ReceiveBufferLength => _receiver.OutOfOrderCount;

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

            Timestamp deadline = Timestamp.Min(_receiver.AcksDueAt, _peer.Deadline);
            return Timestamp.Min(deadline, Timestamp.Min(_recovery.Deadline, _sender.Deadline));
        }
    }

    internal uint SendUnacknowledged => _ring.Unacknowledged;

    internal uint SendNext => _ring.Next;

    internal uint ReceiveNext => _receiver.Next;

    internal int PeerWindow => _sendWindow.Peer;

    internal int PendingAcks => _receiver.AckCount;

    /// <summary>
    /// How long a datagram that did not arrive may still be rebuilt from parity: before that, later acknowledgements are no
    /// reason to send it again. 0, the default, where no parity is sent.
    /// </summary>
    public long RepairDelayMicroseconds
    {
        get => _recovery.RepairDelay;
        set => _recovery.RepairDelay = value;
    }

    internal RttEstimator Rtt => _recovery.Rtt;

    /// <summary>Whether the peer acknowledges as others do, and nothing else showed that it is one of ours.</summary>
    internal bool SeemsForeign => _hasUnmarkedAck && !_hasMark && _path.PeerAnnouncement is null && !_path.HasReport;

    /// <summary>What both ends tell each other of the path.</summary>
    internal PathExchange Path => _path;

    // Nodes of lists and rings that were looked at, so that a test can show that work does not grow with the window.
    internal long NodesVisited => _recovery.NodesVisited;

    /// <summary>Whether a flush at this time would send something or has a timer to serve.</summary>
    public bool HasPendingOutput(Timestamp now) =>
        !_isClosed && (NextDeadline <= now || _receiver.IsReportDue || _sender.CanSend(now));

    /// <summary>
    /// Takes the next bytes received in order, and makes room in the window for as many. The caller owns the slice.
    /// </summary>
    /// <returns>False if there are none.</returns>
    public bool TryRead(out PacketSlice slice) => _receiver.TryRead(out slice);

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
    public void Probe() => _sender.IsProbeAsked = true;

    /// <summary>
    /// Releases everything. Nothing is sent; use <see cref="IsIdle"/> to wait for what is on its way.
    /// </summary>
    public void Dispose()
    {
        _isClosed = true;
        _recovery.Clear();
        _ring.Clear();
        _receiver.Clear();
    }

    /// <summary>Gives back what the rings grew to, as far as they are empty.</summary>
    internal void Trim()
    {
        _ring.Trim();
        _receiver.Trim();
    }

    /// <summary>Takes a time in which this side did not run out of all that judges the peer and measures the path.</summary>
    private void NoteTime(Timestamp now)
    {
        if (_watch.IsSuspicious(now) && _recovery.OldestInFlight is not null)
        {
            long gap = _watch.Gap(Timestamp.Min(_recovery.Deadline, _peer.AskAt), now);
            if (gap > 0)
            {
                Statistics.Pauses++;
                _peer.Shift(gap);
                _recovery.OnPaused(gap, now);
            }
        }

        _watch.OnRun(now);
    }

    private void Fail(ArqFailure failure)
    {
        Failure = failure;
        Dispose();
    }
}
