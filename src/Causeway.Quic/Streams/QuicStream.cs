using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <summary>Frames about a stream that wait to be sent.</summary>
[Flags]
internal enum StreamControl : byte
{
    None = 0,
    ResetStream = 1,
    StopSending = 2,
    MaxStreamData = 4,
    StreamDataBlocked = 8,
}

/// <summary>One stream (RFC 9000, 2 and 3).</summary>
/// <remarks>
/// <code>
/// sending:    Open --FIN sent--> DataSent --all acknowledged--> Done
///             Open, DataSent --reset--> ResetSent --acknowledged--> Done
/// receiving:  Open --FIN or RESET_STREAM--> SizeKnown --everything read, or reset--> Done
/// </code>
/// </remarks>
internal sealed class QuicStream : TransportStream
{
    private readonly QuicStreams _streams;
    private StreamLink<QuicStream> _sendLink;
    private StreamLink<QuicStream> _repairLink;
    private StreamLink<QuicStream> _controlLink;
    private StreamLink<QuicStream> _eventLink;
    private StreamResetReason _resetReason;

    public QuicStream(QuicStreams streams, long id, bool isLocal, long sendLimit, long receiveWindow)
        : base(id, isLocal)
    {
        _streams = streams;
        SendLimit = sendLimit;
        ReceiveLimit = receiveWindow;
        Window = receiveWindow;
        bool isUnidirectional = StreamId.IsUnidirectional(id);
        CanSend = isLocal || !isUnidirectional;
        CanReceive = !isLocal || !isUnidirectional;
        IsSendDone = !CanSend;
        IsReceiveDone = !CanReceive;
    }

    /// <summary>Whether both ends may send.</summary>
    public bool IsBidirectional => CanSend && CanReceive;

    /// <inheritdoc/>
    public override bool CanWrite => CanSend;

    /// <inheritdoc/>
    public override bool CanRead => CanReceive;

    /// <inheritdoc/>
    public override long? ReadErrorCode => PeerResetCode < 0 ? null : PeerResetCode;

    /// <inheritdoc/>
    public override long? WriteErrorCode => PeerStopCode < 0 ? null : PeerStopCode;

    /// <summary>Whether this end may send.</summary>
    public bool CanSend { get; }

    /// <summary>Whether the peer may send.</summary>
    public bool CanReceive { get; }

    /// <summary>The code that the peer reset its direction with, or -1.</summary>
    public long PeerResetCode { get; set; } = -1;

    /// <summary>The code that the peer asked to stop with, or -1.</summary>
    public long PeerStopCode { get; set; } = -1;

    /// <inheritdoc/>
    public override long BufferedBytes => Incoming.Ready;

    /// <inheritdoc/>
    public override int ReportStep => (int)Math.Clamp(Window / 16, 1, int.MaxValue);

    /// <inheritdoc/>
    public override bool IsReadFinished => IsReceiveDone;

    /// <inheritdoc/>
    public override bool IsWriteFinished => IsSendDone || IsFinSent || IsResetRequested || !CanSend;

    /// <inheritdoc/>
    public override StreamResetReason ResetReason => _resetReason;

    /// <inheritdoc/>
    public override bool IsClosed => IsWriteFinished && IsReadFinished;

    // Sending.
    internal SendBuffer Outgoing;

    internal long SendLimit { get; set; }

    internal int Deficit { get; set; }

    /// <summary>What it got, as fair queueing counts it.</summary>
    internal long VirtualFinish { get; set; }

    /// <summary>Whether it is among those that have their first turn before the round.</summary>
    internal bool IsFresh { get; set; }

    /// <summary>Whether the peer may know of the stream, because a frame of it was sent.</summary>
    internal bool IsAnnounced { get; set; }

    internal bool IsFinRequested { get; private set; }

    internal bool IsFinSent { get; set; }

    /// <summary>
    /// Whether the end left in a frame of its own, because the last byte had left before it. It is repeated so too, never with that
    /// byte: some receivers that have read the byte drop a frame that repeats it together with the end in it (quiche, as of 2026).
    /// </summary>
    internal bool IsFinAlone { get; set; }

    internal bool IsFinLost { get; set; }

    internal bool IsFinAcknowledged { get; set; }

    internal bool IsResetRequested { get; private set; }

    internal long ResetCode { get; private set; }

    internal bool IsSendDone { get; set; }

    internal bool IsSendBlocked { get; set; }

    // Receiving.
    internal ReassemblyBuffer Incoming;

    internal long ReceiveLimit { get; set; }

    internal long Window { get; set; }

    internal long Grown { get; set; }

    /// <summary>The highest offset that had arrived when arrivals last made the window be looked at.</summary>
    internal long WindowAskedAt { get; set; }

    internal WindowTuner? Tuner { get; set; }

    /// <summary>The highest offset that arrived.</summary>
    internal long Received { get; set; }

    /// <summary>What the application is done with.</summary>
    internal long Taken { get; set; }

    /// <summary>The stream's length, once a FIN or RESET_STREAM told it; -1 until then.</summary>
    internal long FinalSize { get; set; } = -1;

    internal bool IsReceiveDone { get; set; }

    /// <summary>Whether everything up to the end arrived.</summary>
    internal bool IsPeerFinished { get; set; }

    /// <summary>Whether this end takes no more: what arrives is counted and dropped.</summary>
    internal bool IsReceiveStopped { get; set; }

    internal long StopCode { get; private set; }

    internal StreamControl Control { get; set; }

    internal bool IsForgotten { get; set; }

    // Events that the driver has not read yet.
    internal bool HasAcceptedEvent { get; set; }

    internal bool HasReadableEvent { get; set; }

    internal bool HasFinishedEvent { get; set; }

    internal bool HasStoppedEvent { get; set; }

    internal bool HasResetEvent { get; set; }

    /// <inheritdoc/>
    public override void NotifyWritable() => _streams.OnWritable(this);

    /// <inheritdoc/>
    public override void FinishWrites()
    {
        if (!IsWriteFinished && !IsFinRequested)
        {
            IsFinRequested = true;
            _streams.OnWritable(this);
        }
    }

    /// <inheritdoc/>
    public override void Close()
    {
        FinishWrites();
        StopReceiving(_streams.DefaultErrorCode);
    }

    /// <inheritdoc/>
    public override void Abort() => Abort(_streams.DefaultErrorCode);

    /// <inheritdoc/>
    public override void Abort(bool reads, bool writes, long errorCode)
    {
        if (writes)
        {
            ResetSending(errorCode);
        }

        if (reads)
        {
            StopReceiving(errorCode);
        }
    }

    /// <summary>Gives the stream up in both directions, with a code that the peer is told.</summary>
    public void Abort(long code)
    {
        ResetSending(code);
        StopReceiving(code);
    }

    /// <summary>Gives up sending: the peer gets no more than what arrived, and the code (RESET_STREAM).</summary>
    public void ResetSending(long code)
    {
        if (IsSendDone || IsResetRequested)
        {
            return;
        }

        IsResetRequested = true;
        ResetCode = code;
        _streams.OnResetRequested(this);
    }

    /// <summary>Takes no more of what the peer sends, and tells it (STOP_SENDING).</summary>
    public void StopReceiving(long code)
    {
        if (IsReceiveDone || IsReceiveStopped)
        {
            return;
        }

        IsReceiveStopped = true;
        StopCode = code;
        _streams.OnStopRequested(this);
    }

    /// <inheritdoc/>
    public override bool TryRead(out PacketSlice slice) => _streams.TryRead(this, out slice);

    /// <inheritdoc/>
    public override void Consumed(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (IsReceiveDone || IsReceiveStopped)
        {
            // All of it was counted when the direction ended.
            return;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Incoming.ReadOffset - Taken);
        _streams.OnConsumed(this, bytes);
    }

    internal void SetReset(StreamResetReason reason) => _resetReason = reason;

    internal readonly struct SendLink : IStreamLink<QuicStream>
    {
        public static ref StreamLink<QuicStream> Of(QuicStream stream) => ref stream._sendLink;
    }

    internal readonly struct RepairLink : IStreamLink<QuicStream>
    {
        public static ref StreamLink<QuicStream> Of(QuicStream stream) => ref stream._repairLink;
    }

    internal readonly struct ControlLink : IStreamLink<QuicStream>
    {
        public static ref StreamLink<QuicStream> Of(QuicStream stream) => ref stream._controlLink;
    }

    internal readonly struct EventLink : IStreamLink<QuicStream>
    {
        public static ref StreamLink<QuicStream> Of(QuicStream stream) => ref stream._eventLink;
    }
}
