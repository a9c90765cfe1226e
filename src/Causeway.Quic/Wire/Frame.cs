using System.Diagnostics;

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

    public PaddingFrame Padding
    {
        get
        {
            Expect(FrameKind.Padding);
            return new PaddingFrame(this);
        }
    }

    public AckFrame Ack
    {
        get
        {
            Expect(FrameKind.Ack);
            return new AckFrame(this);
        }
    }

    public ResetStreamFrame ResetStream
    {
        get
        {
            Expect(FrameKind.ResetStream);
            return new ResetStreamFrame(this);
        }
    }

    public StopSendingFrame StopSending
    {
        get
        {
            Expect(FrameKind.StopSending);
            return new StopSendingFrame(this);
        }
    }

    public CryptoFrame Crypto
    {
        get
        {
            Expect(FrameKind.Crypto);
            return new CryptoFrame(this);
        }
    }

    /// <summary>The token of NEW_TOKEN; never empty.</summary>
    public ReadOnlySpan<byte> NewToken
    {
        get
        {
            Expect(FrameKind.NewToken);
            return Data;
        }
    }

    public StreamFrame Stream
    {
        get
        {
            Expect(FrameKind.Stream);
            return new StreamFrame(this);
        }
    }

    /// <summary>The limit in bytes of MAX_DATA and DATA_BLOCKED.</summary>
    public long DataLimit
    {
        get
        {
            Expect(FrameKind.MaxData, FrameKind.DataBlocked);
            return First;
        }
    }

    /// <summary>MAX_STREAM_DATA and STREAM_DATA_BLOCKED.</summary>
    public StreamLimitFrame StreamDataLimit
    {
        get
        {
            Expect(FrameKind.MaxStreamData, FrameKind.StreamDataBlocked);
            return new StreamLimitFrame(this);
        }
    }

    /// <summary>MAX_STREAMS and STREAMS_BLOCKED.</summary>
    public StreamCountFrame StreamCount
    {
        get
        {
            Expect(FrameKind.MaxStreams, FrameKind.StreamsBlocked);
            return new StreamCountFrame(this);
        }
    }

    public NewConnectionIdFrame NewConnectionId
    {
        get
        {
            Expect(FrameKind.NewConnectionId);
            return new NewConnectionIdFrame(this);
        }
    }

    /// <summary>The sequence number of RETIRE_CONNECTION_ID.</summary>
    public long RetiredSequenceNumber
    {
        get
        {
            Expect(FrameKind.RetireConnectionId);
            return First;
        }
    }

    /// <summary>The eight bytes of PATH_CHALLENGE and PATH_RESPONSE.</summary>
    public ulong PathData
    {
        get
        {
            Expect(FrameKind.PathChallenge, FrameKind.PathResponse);
            return (ulong)First;
        }
    }

    public ConnectionCloseFrame ConnectionClose
    {
        get
        {
            Expect(FrameKind.ConnectionClose);
            return new ConnectionCloseFrame(this);
        }
    }

    /// <summary>The bytes of DATAGRAM.</summary>
    public ReadOnlySpan<byte> Datagram
    {
        get
        {
            Expect(FrameKind.Datagram);
            return Data;
        }
    }

    public AckFrequencyFrame AckFrequency
    {
        get
        {
            Expect(FrameKind.AckFrequency);
            return new AckFrequencyFrame(this);
        }
    }

    /// <summary>FEC_SOURCE; the source itself is what follows in the packet.</summary>
    public FecSourceFrame FecSource
    {
        get
        {
            Expect(FrameKind.FecSource);
            return new FecSourceFrame(this);
        }
    }

    public FecRepairFrame FecRepair
    {
        get
        {
            Expect(FrameKind.FecRepair);
            return new FecRepairFrame(this);
        }
    }

    public FecRecoveredFrame FecRecovered
    {
        get
        {
            Expect(FrameKind.FecRecovered);
            return new FecRecoveredFrame(this);
        }
    }

    internal long First { get; }

    internal long Second { get; }

    internal long Third { get; }

    internal long Fourth { get; }

    internal ReadOnlySpan<byte> Data { get; }

    internal ReadOnlySpan<byte> More { get; }

    // The fields of one kind mean something else in another.
    [Conditional("DEBUG")]
    private void Expect(FrameKind kind) => Debug.Assert(Kind == kind, "the view is of another kind of frame");

    [Conditional("DEBUG")]
    private void Expect(FrameKind kind, FrameKind other) =>
        Debug.Assert(Kind == kind || Kind == other, "the view is of another kind of frame");
}
