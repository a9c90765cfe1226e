using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Smux;

/// <summary>What a stream has to tell the driver, in the order in which it is told.</summary>
[Flags]
internal enum StreamEvents : byte
{
    None = 0,
    Accepted = 1,
    Readable = 2,
    ReadsFinished = 4,
    WritesStopped = 8,
    Reset = 16,
}

/// <summary>Control frames that a stream has to send, in the order in which they go.</summary>
[Flags]
internal enum ControlFrames : byte
{
    None = 0,
    Syn = 1,
    Update = 2,

    /// <summary>NOP with the stream's id: abandoned (docs/design/half-close.md).</summary>
    Abandon = 4,

    /// <summary>A FIN that does not wait for data, because there is none any more.</summary>
    Finish = 8,
}

/// <summary>The state of one stream. The rules are the session's.</summary>
internal sealed class SmuxStream : TransportStream
{
    private readonly SmuxSession _session;

    // Mutable structs: not readonly.
    private StreamLink<SmuxStream> _sendLink;
    private StreamLink<SmuxStream> _controlLink;
    private StreamLink<SmuxStream> _eventLink;
    private ReceiveBuffer _receive;
    private StreamResetReason _resetReason;

    public SmuxStream(SmuxSession session, uint id, bool isLocal, uint firstCounter)
        : base(id, isLocal)
    {
        _session = session;
        Written = firstCounter;
        PeerConsumed = firstCounter;
        Received = firstCounter;
        Taken = firstCounter;
        Reported = firstCounter;
        FirstCounter = firstCounter;
        Edge = (long)firstCounter + SmuxSession.FirstWindow;
        FurthestEdge = Edge;
    }

    /// <summary>The id as frames carry it.</summary>
    public uint StreamId => (uint)Id;

    /// <summary>Control frames that are to be sent. Not empty: in the session's control list.</summary>
    public ControlFrames Control { get; set; }

    /// <summary>Events to be read. Not empty: in the session's event list.</summary>
    public StreamEvents Events { get; set; }

    /// <summary>Bytes that this stream may still send in its turn; negative after a frame that was larger.</summary>
    public int Deficit { get; set; }

    /// <summary>The peer's window is used up while the source has bytes: an UPD has to come first.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>FIN goes once the source is dry.</summary>
    public bool FinishRequested { get; set; }

    /// <summary>Nothing of this direction is left to be sent, not even a FIN.</summary>
    public bool SendOver { get; set; }

    /// <summary>The peer takes no more bytes; a FIN may still have to be sent.</summary>
    public bool SendStopped { get; set; }

    /// <summary>The peer's FIN has come.</summary>
    public bool PeerFinished { get; set; }

    /// <summary>What arrives is dropped: the stream was closed or aborted here.</summary>
    public bool ReadsDropped { get; set; }

    /// <summary>Given up in both directions; only control frames may be left.</summary>
    public bool Abandoned { get; set; }

    /// <summary>The session has forgotten the stream.</summary>
    public bool Forgotten { get; set; }

    /// <summary>
    /// Bytes sent; the wire's counter are its lower 32 bits, as of the four below (docs/wire/kcptun.md 7.5).
    /// </summary>
    public long Written { get; set; }

    /// <summary>What the peer last reported as consumed.</summary>
    public uint PeerConsumed { get; set; }

    /// <summary>The peer's window: bytes beyond <see cref="PeerConsumed"/> that it takes.</summary>
    public uint PeerWindow { get; set; } = SmuxSession.FirstWindow;

    /// <summary>Bytes received.</summary>
    public long Received { get; set; }

    /// <summary>Bytes that the application took.</summary>
    public long Taken { get; set; }

    /// <summary>What the last UPD said was taken.</summary>
    public long Reported { get; set; }

    /// <summary>Whether an UPD was sent after bytes were taken.</summary>
    public bool HasReported { get; set; }

    /// <summary>Where the counters started.</summary>
    public long FirstCounter { get; }

    /// <summary>How far the peer may send as it was last told.</summary>
    public long Edge { get; set; }

    /// <summary>How far it was ever allowed to send.</summary>
    public long FurthestEdge { get; set; }

    /// <summary>The window that was last found right; the peer may still have more.</summary>
    public long Window { get; set; } = SmuxSession.FirstWindow;

    /// <summary><see cref="Edge"/> was moved back, the peer is still to be told, and nothing was taken since.</summary>
    public bool IsLessened { get; set; }

    /// <summary>What the stream has of the session's <see cref="ReceiveBudget"/> for itself.</summary>
    public int Floor { get; set; }

    /// <summary>What it was granted beyond that.</summary>
    public long Grown { get; set; }

    /// <summary><see cref="Received"/> when idle windows were last looked for.</summary>
    public long ReceivedAtSweep { get; set; } = -1;

    /// <summary>What the reader needs, from the first bytes on.</summary>
    public WindowTuner? Tuner { get; set; }

    /// <summary>Received bytes.</summary>
    public ref ReceiveBuffer Receive => ref _receive;

    /// <inheritdoc/>
    public override long BufferedBytes => _receive.Buffered;

    /// <summary>Received bytes that the application has not reported as consumed.</summary>
    public long Unconsumed => _receive.Buffered + _receive.Read;

    /// <inheritdoc/>
    public override bool IsReadFinished =>
        ReadsDropped || Forgotten || (PeerFinished && _receive.Buffered == 0);

    /// <inheritdoc/>
    public override bool IsWriteFinished => SendOver || SendStopped || Abandoned || Forgotten;

    /// <inheritdoc/>
    public override StreamResetReason ResetReason => _resetReason;

    /// <inheritdoc/>
    public override bool IsClosed => Abandoned || Forgotten;

    /// <summary>Bytes that the peer's window takes now; 0 if it takes none or claims what cannot be.</summary>
    public int SendAllowance
    {
        get
        {
            // Counters are compared modulo 2^32, so that no more than 2^31 - 1 bytes can be told apart from none.
            long window = Math.Min(PeerWindow, int.MaxValue);
            long outstanding = Sequence.Difference(unchecked((uint)Written), PeerConsumed);
            return (int)Math.Max(0, window - outstanding);
        }
    }

    /// <inheritdoc/>
    public override int ReportStep => _session.ReportStepOf(this);

    /// <inheritdoc/>
    public override void NotifyWritable() => _session.OnWritable(this);

    /// <inheritdoc/>
    public override void FinishWrites() => _session.OnFinishWrites(this);

    /// <inheritdoc/>
    public override void Close() => _session.OnClose(this);

    /// <inheritdoc/>
    public override void Abort() => _session.OnAbort(this);

    /// <inheritdoc/>
    public override bool TryRead(out PacketSlice slice) => _session.TryRead(this, out slice);

    /// <inheritdoc/>
    public override void Consumed(int bytes) => _session.OnConsumed(this, bytes);

    /// <summary>Notes the first reason for a reset.</summary>
    public void SetReset(StreamResetReason reason)
    {
        if (_resetReason is StreamResetReason.None)
        {
            _resetReason = reason;
        }
    }

    /// <summary>The link in the list of streams that have data to send.</summary>
    public readonly struct SendLink : IStreamLink<SmuxStream>
    {
        /// <inheritdoc/>
        public static ref StreamLink<SmuxStream> Of(SmuxStream stream) => ref stream._sendLink;
    }

    /// <summary>The link in the list of streams that have control frames to send.</summary>
    public readonly struct ControlLink : IStreamLink<SmuxStream>
    {
        /// <inheritdoc/>
        public static ref StreamLink<SmuxStream> Of(SmuxStream stream) => ref stream._controlLink;
    }

    /// <summary>The link in the list of streams that have events to tell.</summary>
    public readonly struct EventLink : IStreamLink<SmuxStream>
    {
        /// <inheritdoc/>
        public static ref StreamLink<SmuxStream> Of(SmuxStream stream) => ref stream._eventLink;
    }
}
