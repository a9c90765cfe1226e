namespace Causeway.Quic.Wire;

/// <summary>
/// One frame, read and checked by <see cref="FrameReader"/>. By its kind, take the view that belongs to it: the others
/// mean nothing. Spans point into the packet.
/// </summary>
internal readonly ref struct Frame
{
    internal Frame(
        FrameKind kind,
        long type,
        long first = 0,
        long second = 0,
        long third = 0,
        long fourth = 0,
        ReadOnlySpan<byte> data = default,
        ReadOnlySpan<byte> more = default)
    {
        Kind = kind;
        Type = type;
        First = first;
        Second = second;
        Third = third;
        Fourth = fourth;
        Data = data;
        More = more;
    }

    /// <summary>What it is.</summary>
    public FrameKind Kind { get; }

    /// <summary>The frame type on the wire.</summary>
    public long Type { get; }

    public PaddingFrame Padding => new(this);

    public AckFrame Ack => new(this);

    public ResetStreamFrame ResetStream => new(this);

    public StopSendingFrame StopSending => new(this);

    public CryptoFrame Crypto => new(this);

    /// <summary>The token of NEW_TOKEN; never empty.</summary>
    public ReadOnlySpan<byte> NewToken => Data;

    public StreamFrame Stream => new(this);

    /// <summary>The limit in bytes of MAX_DATA and DATA_BLOCKED.</summary>
    public long DataLimit => First;

    /// <summary>MAX_STREAM_DATA and STREAM_DATA_BLOCKED.</summary>
    public StreamLimitFrame StreamDataLimit => new(this);

    /// <summary>MAX_STREAMS and STREAMS_BLOCKED.</summary>
    public StreamCountFrame StreamCount => new(this);

    public NewConnectionIdFrame NewConnectionId => new(this);

    /// <summary>The sequence number of RETIRE_CONNECTION_ID.</summary>
    public long RetiredSequenceNumber => First;

    /// <summary>The eight bytes of PATH_CHALLENGE and PATH_RESPONSE.</summary>
    public ulong PathData => (ulong)First;

    public ConnectionCloseFrame ConnectionClose => new(this);

    /// <summary>The bytes of DATAGRAM.</summary>
    public ReadOnlySpan<byte> Datagram => Data;

    public AckFrequencyFrame AckFrequency => new(this);

    internal long First { get; }

    internal long Second { get; }

    internal long Third { get; }

    internal long Fourth { get; }

    internal ReadOnlySpan<byte> Data { get; }

    internal ReadOnlySpan<byte> More { get; }
}
