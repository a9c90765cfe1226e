using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <summary>The limits with which a connection's streams begin, as one end tells them (RFC 9000, 18.2).</summary>
internal readonly record struct StreamLimits
{
    /// <summary>initial_max_data.</summary>
    public long Data { get; init; }

    /// <summary>initial_max_stream_data_bidi_local: for bidirectional streams that the end opens that tells it.</summary>
    public long BidirectionalLocal { get; init; }

    /// <summary>initial_max_stream_data_bidi_remote: for bidirectional streams that the other end opens.</summary>
    public long BidirectionalRemote { get; init; }

    /// <summary>initial_max_stream_data_uni.</summary>
    public long Unidirectional { get; init; }

    /// <summary>initial_max_streams_bidi.</summary>
    public long BidirectionalStreams { get; init; }

    /// <summary>initial_max_streams_uni.</summary>
    public long UnidirectionalStreams { get; init; }
}

/// <summary>The streams of a QUIC connection (RFC 9000, 2 to 4).</summary>
internal sealed partial class QuicStreams : StreamSession
{
    // The peer is told of streams that it may open anew when so many of the first limit ended.
    private const int StepsOfStreams = 8;

    private readonly PacketPool _pool;
    private readonly SliceSlab _slices = new();
    private readonly Dictionary<long, QuicStream> _streams = [];
    private readonly StreamLimits _own;
    private StreamLimits _peer;
    private StreamList<QuicStream, QuicStream.SendLink> _fresh;
    private StreamList<QuicStream, QuicStream.SendLink> _sending;
    private StreamList<QuicStream, QuicStream.RepairLink> _repairing;
    private StreamList<QuicStream, QuicStream.ControlLink> _control;
    private StreamList<QuicStream, QuicStream.EventLink> _events;
    private StreamCounts _bidirectional;
    private StreamCounts _unidirectional;
    private bool _isOver;

    /// <summary>Makes it, with no stream.</summary>
    /// <param name="role">Which end this is.</param>
    /// <param name="own">What this end tells the peer.</param>
    /// <param name="pool">Where memory for data is rented.</param>
    public QuicStreams(EndpointRole role, in StreamLimits own, PacketPool pool)
        : base(role)
    {
        _pool = pool;
        _own = own;

        // What windows may grow by in all: what the connection's window has beside the first windows of all streams. It is three
        // quarters of the budget's size.
        long firstWindows = own.BidirectionalStreams * Math.Max(own.BidirectionalLocal, own.BidirectionalRemote);
        _budget = new ReceiveBudget(Math.Max(own.Data - firstWindows, own.Data / 4) / 3 * 4);
        _receiveLimit = own.Data;
        _receiveWindow = own.Data;
        _bidirectional.PeerLimit = own.BidirectionalStreams;
        _unidirectional.PeerLimit = own.UnidirectionalStreams;
    }

    /// <summary>The code by which a stream is given up unless the application names one.</summary>
    public long DefaultErrorCode { get; set; }

    /// <summary>The round-trip time in microseconds, 0 if it is not known: windows follow it.</summary>
    public long RoundTripMicroseconds { get; set; }

    /// <inheritdoc/>
    public override long BufferedBytes => _buffered;

    /// <inheritdoc/>
    /// <remarks>Flow control sees to it that there is always room.</remarks>
    public override bool CanReceive => true;

    /// <inheritdoc/>
    public override Timestamp NextDeadline => Timestamp.Never;

    /// <inheritdoc/>
    /// <remarks>What a peer does wrong ends the connection: see the session's failure.</remarks>
    public override StreamFailure? Failure => null;

    /// <inheritdoc/>
    public override int StreamCount => _streams.Count;

    /// <inheritdoc/>
    public override HalfCloseSupport HalfClose => HalfCloseSupport.Supported;

    /// <inheritdoc/>
    public override StreamOpenRefusal OpenRefusal => Refusal(in _bidirectional);

    /// <summary>Whether an application or a test asked for a packet that does nothing but elicit an answer.</summary>
    public bool IsPingRequested { get; set; }

    /// <summary>The peer's transport parameters are known, or those that it had before are used for early data.</summary>
    public void OnPeerLimits(in StreamLimits peer)
    {
        _peer = peer;
        OnMaxData(peer.Data);
        OnMaxStreams(isUnidirectional: false, peer.BidirectionalStreams);
        OnMaxStreams(isUnidirectional: true, peer.UnidirectionalStreams);
        foreach (QuicStream stream in _streams.Values)
        {
            RaiseSendLimit(stream, InitialSendLimit(stream.Id));
        }
    }

    /// <inheritdoc/>
    public override bool MayAllowMore => true;

    /// <inheritdoc/>
    public override bool HasUnidirectional => true;

    /// <inheritdoc/>
    public override QuicStream? TryOpenUnidirectional(Timestamp now) => TryOpen(isUnidirectional: true);

    /// <inheritdoc/>
    public override QuicStream? TryOpen(Timestamp now) => TryOpen(isUnidirectional: false);

    /// <summary>Opens a stream, or returns null if the peer allows no more of its kind at present.</summary>
    public QuicStream? TryOpen(bool isUnidirectional)
    {
        ref StreamCounts counts = ref Counts(isUnidirectional);
        if (Refusal(in counts) != StreamOpenRefusal.None)
        {
            NoteStreamsBlocked(ref counts);
            return null;
        }

        long id = StreamId.Of(Role, isUnidirectional, counts.Opened++);
        Statistics.StreamsOpened++;
        return Add(id, isLocal: true);
    }

    /// <inheritdoc/>
    public override void SendKeepAlive() => IsPingRequested = true;

    /// <inheritdoc/>
    public override bool TryReadEvent(out StreamEvent e)
    {
        while (_events.First is { } stream)
        {
            if (TakeEvent(stream) is { } kind)
            {
                e = new StreamEvent(kind, stream);
                return true;
            }

            _events.Remove(stream);
            ForgetIfOver(stream);
        }

        if (_isOpenAllowed)
        {
            _isOpenAllowed = false;
            e = new StreamEvent(StreamEventKind.OpenAllowed, null);
            return true;
        }

        e = default;
        return false;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing || _isOver)
        {
            return;
        }

        _isOver = true;
        foreach (QuicStream stream in _streams.Values)
        {
            stream.Outgoing.Clear();
            stream.Incoming.Discard(_slices, 0);
        }

        _slices.ReleaseAll();
    }

    private static StreamEventKind? TakeEvent(QuicStream stream)
    {
        if (stream.HasAcceptedEvent)
        {
            stream.HasAcceptedEvent = false;
            return StreamEventKind.Accepted;
        }

        if (stream.HasReadableEvent)
        {
            stream.HasReadableEvent = false;
            return StreamEventKind.Readable;
        }

        if (stream.HasResetEvent)
        {
            stream.HasResetEvent = false;
            return StreamEventKind.ReadsAborted;
        }

        if (stream.HasFinishedEvent)
        {
            stream.HasFinishedEvent = false;
            return StreamEventKind.ReadsFinished;
        }

        if (stream.HasStoppedEvent)
        {
            stream.HasStoppedEvent = false;
            return StreamEventKind.WritesStopped;
        }

        return null;
    }

    private StreamOpenRefusal Refusal(in StreamCounts counts) =>
        _isOver ? StreamOpenRefusal.SessionEnded
        : counts.Opened >= StreamId.MaxCount ? StreamOpenRefusal.IdsExhausted
        : counts.Opened >= counts.OwnLimit ? StreamOpenRefusal.TooManyStreams
        : StreamOpenRefusal.None;

    private ref StreamCounts Counts(bool isUnidirectional) =>
        ref isUnidirectional ? ref _unidirectional : ref _bidirectional;

    private QuicStream Add(long id, bool isLocal)
    {
        QuicStream stream = new(this, id, isLocal, InitialSendLimit(id), InitialWindow(id));
        _streams.Add(id, stream);
        return stream;
    }

    private long InitialSendLimit(long id) =>
        StreamId.IsUnidirectional(id) ? _peer.Unidirectional
        : StreamId.Opener(id) == Role ? _peer.BidirectionalRemote
        : _peer.BidirectionalLocal;

    private long InitialWindow(long id) =>
        StreamId.IsUnidirectional(id) ? _own.Unidirectional
        : StreamId.Opener(id) == Role ? _own.BidirectionalLocal
        : _own.BidirectionalRemote;

    private long InitialStreamLimit(bool isUnidirectional) =>
        isUnidirectional ? _own.UnidirectionalStreams : _own.BidirectionalStreams;

    private long NextStreamLimit(in StreamCounts counts, bool isUnidirectional) =>
        Math.Min(StreamId.MaxCount, InitialStreamLimit(isUnidirectional) + counts.PeerEnded);

    private void Raise(QuicStream stream) => _events.Append(stream);

    /// <summary>Both directions are over and everybody knows: the stream leaves no trace.</summary>
    private void ForgetIfOver(QuicStream stream)
    {
        if (!stream.IsSendDone || !stream.IsReceiveDone || stream.IsForgotten || StreamLinkOf(stream).IsLinked)
        {
            return;
        }

        stream.IsForgotten = true;
        _streams.Remove(stream.Id);
        StopSending(stream);
        _repairing.Remove(stream);
        _control.Remove(stream);
        stream.Control = StreamControl.None;
        stream.Outgoing.Clear();
        ReleaseReceived(stream);
        if (!stream.IsLocal)
        {
            ref StreamCounts counts = ref Counts(StreamId.IsUnidirectional(stream.Id));
            counts.PeerEnded++;

            // A peer that opens and ends streams one after the other is told in steps, one that waits for a stream at once.
            bool isUnidirectional = StreamId.IsUnidirectional(stream.Id);
            long step = counts.IsPeerBlocked ? 1 : Math.Max(1, InitialStreamLimit(isUnidirectional) / StepsOfStreams);
            counts.IsLimitDue |= NextStreamLimit(in counts, isUnidirectional) - counts.PeerLimit >= step;
        }

        static ref StreamLink<QuicStream> StreamLinkOf(QuicStream stream) => ref QuicStream.EventLink.Of(stream);
    }

    /// <summary>How many streams of one kind there were, and may be.</summary>
    private struct StreamCounts
    {
        /// <summary>Opened here.</summary>
        public long Opened;

        /// <summary>How many may be opened here in all.</summary>
        public long OwnLimit;

        /// <summary>Opened by the peer.</summary>
        public long PeerOpened;

        /// <summary>Of those, over.</summary>
        public long PeerEnded;

        /// <summary>How many the peer may open in all, as it was told.</summary>
        public long PeerLimit;

        /// <summary>The peer is to be told.</summary>
        public bool IsLimitDue;

        /// <summary>The peer waits for a stream.</summary>
        public bool IsPeerBlocked;

        /// <summary>Somebody had to wait for a stream.</summary>
        public bool IsBlocked;

        /// <summary>The peer is to be told that more streams would be opened than it allows.</summary>
        public bool IsBlockedDue;

        /// <summary>The limit of which the peer was told that it is in the way.</summary>
        public long BlockedAt;

        /// <summary>Whether the peer is to be told something.</summary>
        public readonly bool HasOutput => IsLimitDue || IsBlockedDue;
    }
}
