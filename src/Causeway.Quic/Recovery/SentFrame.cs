namespace Causeway.Quic.Recovery;

/// <summary>The frames that somebody has to hear of again when their packet is acknowledged or lost.</summary>
internal enum SentFrameKind : byte
{
    /// <summary>ACK; <see cref="SentFrame.Value"/> is the largest number that it acknowledged.</summary>
    Ack,

    /// <summary>CRYPTO bytes; <see cref="SentFrame.Owner"/> is their stream.</summary>
    Crypto,

    /// <summary>STREAM bytes.</summary>
    Stream,

    /// <summary>RESET_STREAM.</summary>
    ResetStream,

    /// <summary>STOP_SENDING.</summary>
    StopSending,

    /// <summary>MAX_DATA.</summary>
    MaxData,

    /// <summary>MAX_STREAM_DATA.</summary>
    MaxStreamData,

    /// <summary>MAX_STREAMS; <see cref="SentFrame.IsFinal"/> for unidirectional ones.</summary>
    MaxStreams,

    /// <summary>DATA_BLOCKED, STREAM_DATA_BLOCKED or STREAMS_BLOCKED, which are not repeated as they were.</summary>
    Blocked,

    /// <summary>NEW_CONNECTION_ID; the value is its sequence number.</summary>
    NewConnectionId,

    /// <summary>RETIRE_CONNECTION_ID; the value is its sequence number.</summary>
    RetireConnectionId,

    /// <summary>HANDSHAKE_DONE.</summary>
    HandshakeDone,

    /// <summary>NEW_TOKEN.</summary>
    NewToken,

    /// <summary>ACK_FREQUENCY; the value is its sequence number.</summary>
    AckFrequency,

    /// <summary>PATH_CHALLENGE; the value is the path's number.</summary>
    PathChallenge,

    /// <summary>DATAGRAM (RFC 9221); the value is the number under which <see cref="DatagramQueues"/> keeps it, or 0.</summary>
    Datagram,

    /// <summary>A datagram that only measures the path's MTU; the value is its size.</summary>
    MtuProbe,

    /// <summary>FEC_SOURCE; the value is the source's number. The frames before it are the source.</summary>
    FecSource,

    /// <summary>FEC_REPAIR; the value is the source that it repeats, -1 if it is parity, which is never sent again.</summary>
    FecRepair,

    /// <summary>What was rebuilt by the peer, and is nobody's matter any more.</summary>
    Settled,
}

/// <summary>What a packet carried of one frame: enough to send it again.</summary>
internal struct SentFrame
{
    /// <summary>What it was.</summary>
    public SentFrameKind Kind;

    /// <summary>STREAM: the last byte of the stream was in it. MAX_STREAMS: unidirectional.</summary>
    public bool IsFinal;

    /// <summary>Bytes of data.</summary>
    public int Length;

    /// <summary>The offset of the data, or the frame's number.</summary>
    public long Value;

    /// <summary>The stream that it belongs to.</summary>
    public object? Owner;
}

/// <summary>Whoever made the frames of a packet and has to know what became of them.</summary>
internal interface ISentFrameOwner
{
    /// <summary>The frame arrived.</summary>
    void OnAcknowledged(in SentFrame frame);

    /// <summary>The frame is lost.</summary>
    void OnLost(in SentFrame frame);

    /// <summary>Nothing says that the frame is lost, but a probe is due: what matters of it should go in the probe too.</summary>
    void OnUnanswered(in SentFrame frame);
}
