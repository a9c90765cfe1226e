using System.Buffers.Binary;

namespace Causeway.Quic.Wire;

/// <summary>
/// Reads the frames of a packet's payload one after the other (RFC 9000, 12.4 and 19). Pass it by reference.
/// </summary>
/// <remarks>
/// Read until <see cref="TryRead"/> answers false, then look at <see cref="Error"/>. Whether a frame may stand in the
/// packet says <see cref="FrameRules"/>.
/// </remarks>
internal ref struct FrameReader
{
    // Stream ids have 62 bits, of which two are not for counting (RFC 9000, 4.6).
    private const long MaxStreamCount = 1L << 60;

    // A max_ack_delay must be less than 2^14 milliseconds (RFC 9000, 18.2).
    private const long MaxAckDelay = 1000L << 14;

    private readonly bool _takesAckFrequency;
    private readonly bool _takesFec;
    private WireReader _reader;

    /// <param name="payload">The payload of a packet that was opened.</param>
    /// <param name="takesAckFrequency">
    /// Whether this end sent min_ack_delay. If not, the frames of that extension are as unknown as any (RFC 9000, 12.4).
    /// </param>
    /// <param name="takesFec">Whether both ends sent fec_window. If not, the frames of that extension are unknown.</param>
    public FrameReader(ReadOnlySpan<byte> payload, bool takesAckFrequency = false, bool takesFec = false)
    {
        _takesAckFrequency = takesAckFrequency;
        _takesFec = takesFec;
        _reader = new WireReader(payload);
        if (payload.IsEmpty)
        {
            Fail(TransportErrorCode.ProtocolViolation, "a packet without frames");
        }
    }

    /// <summary>What is wrong with the packet; <see cref="TransportErrorCode.NoError"/> if nothing is yet.</summary>
    public TransportErrorCode Error { get; private set; }

    /// <summary>The same in words; null if nothing is wrong.</summary>
    public string? Reason { get; private set; }

    /// <summary>The type of the frame that was read last, or is wrong: what CONNECTION_CLOSE names.</summary>
    public long ErrorFrameType { get; private set; }

    /// <summary>The next frame.</summary>
    /// <returns>Whether there is one; false at the end of the packet and at what does not parse.</returns>
    public bool TryRead(out Frame frame)
    {
        if (Error != TransportErrorCode.NoError || _reader.IsAtEnd)
        {
            frame = default;
            return false;
        }

        int start = _reader.Offset;
        ErrorFrameType = 0;
        if (!_reader.TryReadVarInt(out long type))
        {
            frame = default;
            return Fail(TransportErrorCode.FrameEncodingError, "a frame type that is cut off");
        }

        ErrorFrameType = type;
        if (_reader.Offset - start != VarInt.Length(type))
        {
            frame = default;
            return Fail(TransportErrorCode.ProtocolViolation, "a frame type in more bytes than it needs");
        }

        bool read = type switch
        {
            FrameType.Padding => ReadPadding(out frame),
            FrameType.Ping => ReadEmpty(FrameKind.Ping, type, out frame),
            FrameType.Ack or FrameType.AckWithEcn => TryReadAck(type, out frame),
            FrameType.ResetStream => TryReadIntegers(FrameKind.ResetStream, type, 3, out frame),
            FrameType.StopSending => TryReadIntegers(FrameKind.StopSending, type, 2, out frame),
            FrameType.Crypto => TryReadCrypto(out frame),
            FrameType.NewToken => TryReadNewToken(out frame),
            >= FrameType.Stream and <= FrameType.StreamLast => TryReadStream(type, out frame),
            FrameType.MaxData => TryReadIntegers(FrameKind.MaxData, type, 1, out frame),
            FrameType.MaxStreamData => TryReadIntegers(FrameKind.MaxStreamData, type, 2, out frame),
            FrameType.MaxStreamsBidirectional or FrameType.MaxStreamsUnidirectional =>
                TryReadStreamCount(FrameKind.MaxStreams, type, out frame),
            FrameType.DataBlocked => TryReadIntegers(FrameKind.DataBlocked, type, 1, out frame),
            FrameType.StreamDataBlocked => TryReadIntegers(FrameKind.StreamDataBlocked, type, 2, out frame),
            FrameType.StreamsBlockedBidirectional or FrameType.StreamsBlockedUnidirectional =>
                TryReadStreamCount(FrameKind.StreamsBlocked, type, out frame),
            FrameType.NewConnectionId => TryReadNewConnectionId(out frame),
            FrameType.RetireConnectionId => TryReadIntegers(FrameKind.RetireConnectionId, type, 1, out frame),
            FrameType.PathChallenge => TryReadPathData(FrameKind.PathChallenge, type, out frame),
            FrameType.PathResponse => TryReadPathData(FrameKind.PathResponse, type, out frame),
            FrameType.ConnectionClose or FrameType.ApplicationClose => TryReadConnectionClose(type, out frame),
            FrameType.HandshakeDone => ReadEmpty(FrameKind.HandshakeDone, type, out frame),
            FrameType.ImmediateAck when _takesAckFrequency => ReadEmpty(FrameKind.ImmediateAck, type, out frame),
            FrameType.Datagram or FrameType.DatagramWithLength => TryReadDatagram(type, out frame),
            FrameType.AckFrequency when _takesAckFrequency => TryReadAckFrequency(out frame),
            FrameType.FecSource when _takesFec => TryReadFecSource(out frame),
            FrameType.FecRepair when _takesFec => TryReadFecRepair(out frame),
            FrameType.FecRecovered when _takesFec => TryReadFecRecovered(out frame),
            _ => FailUnknown(out frame),
        };
        if (!read && Error == TransportErrorCode.NoError)
        {
            Fail(TransportErrorCode.FrameEncodingError, "a frame that is cut off");
        }

        return read;
    }

    /// <summary>Refuses a frame that parses, as <see cref="TryRead"/> refuses others. Answers false.</summary>
    public bool Fail(TransportErrorCode error, string reason)
    {
        Error = error;
        Reason = reason;
        return false;
    }

    private bool FailUnknown(out Frame frame)
    {
        frame = default;
        return Fail(TransportErrorCode.FrameEncodingError, "a frame type that is not known");
    }

    private bool ReadPadding(out Frame frame)
    {
        int more = _reader.Rest.IndexOfAnyExcept((byte)0);
        more = more < 0 ? _reader.Left : more;
        _reader.TryReadBytes(more, out _);
        frame = new Frame(FrameKind.Padding, FrameType.Padding, first: 1 + more);
        return true;
    }

    private static bool ReadEmpty(FrameKind kind, long type, out Frame frame)
    {
        frame = new Frame(kind, type);
        return true;
    }

    private bool TryReadIntegers(FrameKind kind, long type, int count, out Frame frame)
    {
        long second = 0;
        long third = 0;
        bool read = _reader.TryReadVarInt(out long first)
            && (count < 2 || _reader.TryReadVarInt(out second))
            && (count < 3 || _reader.TryReadVarInt(out third));
        frame = new Frame(kind, type, first, second, third);
        return read;
    }

    private bool TryReadAck(long type, out Frame frame)
    {
        frame = default;
        if (!_reader.TryReadVarInt(out long largest)
            || !_reader.TryReadVarInt(out long delay)
            || !_reader.TryReadVarInt(out long moreRanges))
        {
            return false;
        }

        ReadOnlySpan<byte> ranges = _reader.Rest;
        int start = _reader.Offset;
        if (!_reader.TryReadVarInt(out long length))
        {
            return false;
        }

        long smallest = largest - length;
        for (long i = 0; i < moreRanges && smallest >= 0; i++)
        {
            if (!_reader.TryReadVarInt(out long gap) || !_reader.TryReadVarInt(out length))
            {
                return false;
            }

            // Each is less than 2^62, so that one step after the other does not overflow.
            smallest -= gap + 2;
            smallest -= length;
        }

        if (smallest < 0)
        {
            return Fail(TransportErrorCode.FrameEncodingError, "a range of an ACK frame that begins below zero");
        }

        ranges = ranges[..(_reader.Offset - start)];
        ReadOnlySpan<byte> ecn = default;
        if (type == FrameType.AckWithEcn)
        {
            ecn = _reader.Rest;
            if (!_reader.TryReadVarInt(out _) || !_reader.TryReadVarInt(out _) || !_reader.TryReadVarInt(out _))
            {
                return false;
            }

            ecn = ecn[..^_reader.Left];
        }

        frame = new Frame(FrameKind.Ack, type, largest, delay, moreRanges, data: ranges, more: ecn);
        return true;
    }

    private bool TryReadCrypto(out Frame frame)
    {
        frame = default;
        if (!_reader.TryReadVarInt(out long offset) || !_reader.TryReadPrefixed(out ReadOnlySpan<byte> data))
        {
            return false;
        }

        if (offset > VarInt.MaxValue - data.Length)
        {
            return Fail(TransportErrorCode.FrameEncodingError, "a CRYPTO frame beyond the last offset");
        }

        frame = new Frame(FrameKind.Crypto, FrameType.Crypto, offset, data: data);
        return true;
    }

    private bool TryReadNewToken(out Frame frame)
    {
        bool read = _reader.TryReadPrefixed(out ReadOnlySpan<byte> token);
        frame = new Frame(FrameKind.NewToken, FrameType.NewToken, data: token);
        return read && (!token.IsEmpty || Fail(TransportErrorCode.FrameEncodingError, "a NEW_TOKEN frame without a token"));
    }

    private bool TryReadStream(long type, out Frame frame)
    {
        frame = default;
        long offset = 0;
        if (!_reader.TryReadVarInt(out long id)
            || ((type & FrameType.StreamOffset) != 0 && !_reader.TryReadVarInt(out offset))
            || !TryReadData((type & FrameType.StreamLength) != 0, out ReadOnlySpan<byte> data))
        {
            return false;
        }

        if (offset > VarInt.MaxValue - data.Length)
        {
            return Fail(TransportErrorCode.FrameEncodingError, "a STREAM frame beyond the last offset");
        }

        frame = new Frame(FrameKind.Stream, type, id, offset, data: data);
        return true;
    }

    private bool TryReadStreamCount(FrameKind kind, long type, out Frame frame) =>
        TryReadIntegers(kind, type, 1, out frame)
        && (frame.First <= MaxStreamCount
            || Fail(TransportErrorCode.FrameEncodingError, "a limit of more streams than there are ids"));

    private bool TryReadNewConnectionId(out Frame frame)
    {
        frame = default;
        if (!_reader.TryReadVarInt(out long sequenceNumber) || !_reader.TryReadVarInt(out long retirePriorTo))
        {
            return false;
        }

        if (retirePriorTo > sequenceNumber)
        {
            return Fail(
                TransportErrorCode.FrameEncodingError, "a NEW_CONNECTION_ID frame that retires its own connection id");
        }

        if (!_reader.TryReadShortPrefixed(out ReadOnlySpan<byte> id)
            || !_reader.TryReadBytes(StatelessResetToken.Length, out ReadOnlySpan<byte> token))
        {
            return false;
        }

        if (id.IsEmpty || id.Length > ConnectionId.MaxLength)
        {
            return Fail(
                TransportErrorCode.FrameEncodingError,
                "a NEW_CONNECTION_ID frame with a connection id of such a length");
        }

        frame = new Frame(
            FrameKind.NewConnectionId, FrameType.NewConnectionId, sequenceNumber, retirePriorTo, data: id, more: token);
        return true;
    }

    private bool TryReadPathData(FrameKind kind, long type, out Frame frame)
    {
        bool read = _reader.TryReadBytes(sizeof(ulong), out ReadOnlySpan<byte> data);
        frame = new Frame(kind, type, read ? BinaryPrimitives.ReadInt64BigEndian(data) : 0);
        return read;
    }

    private bool TryReadConnectionClose(long type, out Frame frame)
    {
        long frameType = 0;
        ReadOnlySpan<byte> reason = default;
        bool read = _reader.TryReadVarInt(out long code)
            && (type == FrameType.ApplicationClose || _reader.TryReadVarInt(out frameType))
            && _reader.TryReadPrefixed(out reason);
        frame = new Frame(FrameKind.ConnectionClose, type, code, frameType, data: reason);
        return read;
    }

    private bool TryReadDatagram(long type, out Frame frame)
    {
        bool read = TryReadData(type == FrameType.DatagramWithLength, out ReadOnlySpan<byte> data);
        frame = new Frame(FrameKind.Datagram, type, data: data);
        return read;
    }

    private bool TryReadAckFrequency(out Frame frame)
    {
        frame = default;
        if (!_reader.TryReadVarInt(out long sequenceNumber)
            || !_reader.TryReadVarInt(out long threshold)
            || !_reader.TryReadVarInt(out long delay)
            || !_reader.TryReadVarInt(out long reordering))
        {
            return false;
        }

        if (delay >= MaxAckDelay)
        {
            return Fail(TransportErrorCode.ProtocolViolation, "an ACK_FREQUENCY frame that asks for too long a delay");
        }

        frame = new Frame(FrameKind.AckFrequency, FrameType.AckFrequency, sequenceNumber, threshold, delay, reordering);
        return true;
    }

    private bool TryReadFecSource(out Frame frame)
    {
        bool read = _reader.TryReadVarInt(out long id);
        frame = new Frame(FrameKind.FecSource, FrameType.FecSource, id, data: _reader.Rest);
        return read;
    }

    private bool TryReadFecRepair(out Frame frame)
    {
        frame = default;
        if (!_reader.TryReadVarInt(out long id)
            || !_reader.TryReadVarInt(out long first)
            || !_reader.TryReadVarInt(out long more))
        {
            return false;
        }

        if (more >= FecLimits.MostWindow || first > VarInt.MaxValue - more)
        {
            return Fail(TransportErrorCode.FrameEncodingError, "a FEC_REPAIR frame over more sources than there can be");
        }

        if (_reader.Left < FecLimits.LeastSymbol)
        {
            return Fail(TransportErrorCode.FrameEncodingError, "a FEC_REPAIR frame with too short a symbol");
        }

        _reader.TryReadBytes(_reader.Left, out ReadOnlySpan<byte> symbol);
        frame = new Frame(FrameKind.FecRepair, FrameType.FecRepair, id, first, more, data: symbol);
        return true;
    }

    private bool TryReadFecRecovered(out Frame frame)
    {
        bool read = TryReadIntegers(FrameKind.FecRecovered, FrameType.FecRecovered, 2, out frame);
        return read && ((frame.Second < FecLimits.MostWindow && frame.First <= VarInt.MaxValue - frame.Second)
            || Fail(TransportErrorCode.FrameEncodingError, "a FEC_RECOVERED frame of more sources than there can be"));
    }

    private bool TryReadData(bool hasLength, out ReadOnlySpan<byte> data) =>
        hasLength ? _reader.TryReadPrefixed(out data) : _reader.TryReadBytes(_reader.Left, out data);
}
