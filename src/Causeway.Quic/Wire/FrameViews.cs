namespace Causeway.Quic.Wire;

/// <summary>PADDING frames in a row (RFC 9000, 19.1).</summary>
internal readonly ref struct PaddingFrame(scoped in Frame frame)
{
    /// <summary>How many there are, of a byte each.</summary>
    public int Count { get; } = (int)frame.First;
}

/// <summary>RESET_STREAM (RFC 9000, 19.4).</summary>
internal readonly ref struct ResetStreamFrame(scoped in Frame frame)
{
    public long StreamId { get; } = frame.First;

    public long ErrorCode { get; } = frame.Second;

    public long FinalSize { get; } = frame.Third;
}

/// <summary>STOP_SENDING (RFC 9000, 19.5).</summary>
internal readonly ref struct StopSendingFrame(scoped in Frame frame)
{
    public long StreamId { get; } = frame.First;

    public long ErrorCode { get; } = frame.Second;
}

/// <summary>CRYPTO (RFC 9000, 19.6). The end of its bytes is not behind <see cref="VarInt.MaxValue"/>.</summary>
internal readonly ref struct CryptoFrame(scoped in Frame frame)
{
    public long Offset { get; } = frame.First;

    public ReadOnlySpan<byte> Data { get; } = frame.Data;
}

/// <summary>STREAM (RFC 9000, 19.8). The end of its bytes is not behind <see cref="VarInt.MaxValue"/>.</summary>
internal readonly ref struct StreamFrame(scoped in Frame frame)
{
    public long StreamId { get; } = frame.First;

    public long Offset { get; } = frame.Second;

    public ReadOnlySpan<byte> Data { get; } = frame.Data;

    /// <summary>Whether the stream ends with the frame.</summary>
    public bool IsFin { get; } = (frame.Type & FrameType.StreamFin) != 0;
}

/// <summary>MAX_STREAM_DATA (RFC 9000, 19.10) or STREAM_DATA_BLOCKED (19.13).</summary>
internal readonly ref struct StreamLimitFrame(scoped in Frame frame)
{
    public long StreamId { get; } = frame.First;

    /// <summary>The limit in bytes.</summary>
    public long Limit { get; } = frame.Second;
}

/// <summary>MAX_STREAMS (RFC 9000, 19.11) or STREAMS_BLOCKED (19.14).</summary>
internal readonly ref struct StreamCountFrame(scoped in Frame frame)
{
    /// <summary>The limit; at most 2^60.</summary>
    public long Limit { get; } = frame.First;

    /// <summary>Whether it is for unidirectional streams.</summary>
    public bool IsUnidirectional { get; } = (frame.Type & 1) != 0;
}

/// <summary>NEW_CONNECTION_ID (RFC 9000, 19.15).</summary>
internal readonly ref struct NewConnectionIdFrame(scoped in Frame frame)
{
    public long SequenceNumber { get; } = frame.First;

    /// <summary>At most <see cref="SequenceNumber"/>.</summary>
    public long RetirePriorTo { get; } = frame.Second;

    /// <summary>1 to 20 bytes.</summary>
    public ConnectionId ConnectionId { get; } = new(frame.Data);

    public StatelessResetToken ResetToken { get; } = new(frame.More);
}

/// <summary>CONNECTION_CLOSE (RFC 9000, 19.19).</summary>
internal readonly ref struct ConnectionCloseFrame(scoped in Frame frame)
{
    /// <summary>Whether the application closed, and the code is one of its own.</summary>
    public bool IsByApplication { get; } = frame.Type == FrameType.ApplicationClose;

    /// <summary>A <see cref="TransportErrorCode"/>, or a code of the application.</summary>
    public long ErrorCode { get; } = frame.First;

    /// <summary>Which type of frame was to blame; 0 if none, or the application closed.</summary>
    public long ErrorFrameType { get; } = frame.Second;

    /// <summary>Text for people, in UTF-8 if the peer keeps to the rules.</summary>
    public ReadOnlySpan<byte> Reason { get; } = frame.Data;
}

/// <summary>ACK_FREQUENCY (draft-ietf-quic-ack-frequency, 4).</summary>
internal readonly ref struct AckFrequencyFrame(scoped in Frame frame)
{
    public long SequenceNumber { get; } = frame.First;

    /// <summary>How many packets that elicit one may go without an acknowledgement.</summary>
    public long AckElicitingThreshold { get; } = frame.Second;

    /// <summary>Microseconds; less than 2^14 milliseconds.</summary>
    public long RequestedMaxAckDelay { get; } = frame.Third;

    /// <summary>How much reordering makes an acknowledgement immediate; 0 if none does.</summary>
    public long ReorderingThreshold { get; } = frame.Fourth;
}

/// <summary>FEC_SOURCE (docs/wire/quic-fec.md, 3).</summary>
internal readonly ref struct FecSourceFrame(scoped in Frame frame)
{
    public long SourceId { get; } = frame.First;

    /// <summary>The source: everything that follows in the packet.</summary>
    public ReadOnlySpan<byte> Source { get; } = frame.Data;
}

/// <summary>FEC_REPAIR (docs/wire/quic-fec.md, 4).</summary>
internal readonly ref struct FecRepairFrame(scoped in Frame frame)
{
    public long RepairId { get; } = frame.First;

    /// <summary>The first source that it covers.</summary>
    public long FirstSourceId { get; } = frame.Second;

    /// <summary>How many sources it covers; 1 to 128.</summary>
    public int Count { get; } = (int)frame.Third + 1;

    /// <summary>The sum of the sources' symbols, each times its coefficient.</summary>
    public ReadOnlySpan<byte> Symbol { get; } = frame.Data;
}

/// <summary>FEC_RECOVERED (docs/wire/quic-fec.md, 5).</summary>
internal readonly ref struct FecRecoveredFrame(scoped in Frame frame)
{
    public long FirstSourceId { get; } = frame.First;

    /// <summary>How many sources were rebuilt from there on; 1 to 128.</summary>
    public int Count { get; } = (int)frame.Second + 1;
}
