using System.Buffers.Binary;
using Causeway.Protocol;

namespace Causeway.Quic.Wire;

/// <summary>
/// Writes frames (RFC 9000, 19; RFC 9221; draft-ietf-quic-ack-frequency). Each answers how many bytes it took, or 0 if
/// they do not fit, in which case what is in the span means nothing.
/// </summary>
internal static class FrameWriter
{
    /// <summary>Bytes of the longest header of a STREAM frame.</summary>
    public const int MaxStreamHeaderLength = 1 + (3 * VarInt.MaxLength);

    public static int Padding(Span<byte> destination, int count)
    {
        if (destination.Length < count)
        {
            return 0;
        }

        destination[..count].Clear();
        return count;
    }

    public static int Ping(Span<byte> destination) => TypeAlone(destination, FrameType.Ping);

    public static int HandshakeDone(Span<byte> destination) => TypeAlone(destination, FrameType.HandshakeDone);

    public static int ImmediateAck(Span<byte> destination) => TypeAlone(destination, FrameType.ImmediateAck);

    /// <summary>ACK with as many ranges as fit, from the largest number down.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="ranges">
    /// What was received, in ascending order, disjoint and not touching: at least one range.
    /// </param>
    /// <param name="encodedDelay">The delay, divided by two to the power of our ack_delay_exponent.</param>
    /// <param name="ecn">Counts of ECN marks, if they are to be reported.</param>
    /// <param name="maxRanges">How many ranges at most; one or more.</param>
    public static int Ack(
        Span<byte> destination, ReadOnlySpan<NumberRange> ranges, long encodedDelay, EcnCounts? ecn, int maxRanges)
    {
        long largest = ranges[^1].End - 1;
        int ecnLength = ecn is { } counts
            ? VarInt.Length(counts.Ect0) + VarInt.Length(counts.Ect1) + VarInt.Length(counts.CongestionExperienced)
            : 0;

        // The number of ranges comes before them: measure how many fit first.
        int fixedLength = 1 + VarInt.Length(largest) + VarInt.Length(encodedDelay) + ecnLength;
        int limit = Math.Min(ranges.Length, maxRanges) - 1;
        int room = destination.Length - fixedLength - VarInt.Length(limit) - VarInt.Length(ranges[^1].Length - 1);
        if (room < 0)
        {
            return 0;
        }

        int more = 0;
        while (more < limit)
        {
            NumberRange range = ranges[^(more + 2)];
            room -= VarInt.Length(Gap(ranges, more)) + VarInt.Length(range.Length - 1);
            if (room < 0)
            {
                break;
            }

            more++;
        }

        WireWriter writer = new(destination);
        writer.Integer(ecn is null ? FrameType.Ack : FrameType.AckWithEcn);
        writer.Integer(largest);
        writer.Integer(encodedDelay);
        writer.Integer(more);
        writer.Integer(ranges[^1].Length - 1);
        for (int i = 0; i < more; i++)
        {
            writer.Integer(Gap(ranges, i));
            writer.Integer(ranges[^(i + 2)].Length - 1);
        }

        if (ecn is { } reported)
        {
            writer.Integer(reported.Ect0);
            writer.Integer(reported.Ect1);
            writer.Integer(reported.CongestionExperienced);
        }

        return writer.Length;
    }

    public static int ResetStream(Span<byte> destination, long streamId, long errorCode, long finalSize) =>
        Integers(destination, FrameType.ResetStream, 3, streamId, errorCode, finalSize);

    public static int StopSending(Span<byte> destination, long streamId, long errorCode) =>
        Integers(destination, FrameType.StopSending, 2, streamId, errorCode);

    public static int Crypto(Span<byte> destination, long offset, ReadOnlySpan<byte> data)
    {
        int header = CryptoHeader(destination, offset, data.Length);
        return WithData(destination, header, data);
    }

    /// <summary>What comes before the bytes of a CRYPTO frame.</summary>
    public static int CryptoHeader(Span<byte> destination, long offset, int dataLength) =>
        Integers(destination, FrameType.Crypto, 2, offset, dataLength);

    public static int NewToken(Span<byte> destination, ReadOnlySpan<byte> token)
    {
        WireWriter writer = new(destination);
        writer.Integer(FrameType.NewToken);
        writer.Prefixed(token);
        return writer.Length;
    }

    /// <summary>STREAM.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="streamId">The stream.</param>
    /// <param name="offset">Where in the stream the bytes belong.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="isFin">Whether the stream ends with them.</param>
    /// <param name="isLast">Whether nothing follows in the packet, so that there is no length.</param>
    public static int Stream(
        Span<byte> destination, long streamId, long offset, ReadOnlySpan<byte> data, bool isFin, bool isLast)
    {
        int header = StreamHeader(destination, streamId, offset, data.Length, isFin, isLast);
        return WithData(destination, header, data);
    }

    /// <summary>What comes before the bytes of a STREAM frame, for who puts them there in another way.</summary>
    public static int StreamHeader(
        Span<byte> destination, long streamId, long offset, int dataLength, bool isFin, bool isLast)
    {
        WireWriter writer = new(destination);
        writer.Integer(
            FrameType.Stream | (offset > 0 ? FrameType.StreamOffset : 0) | (isLast ? 0 : FrameType.StreamLength)
            | (isFin ? FrameType.StreamFin : 0));
        writer.Integer(streamId);
        if (offset > 0)
        {
            writer.Integer(offset);
        }

        if (!isLast)
        {
            writer.Integer(dataLength);
        }

        return writer.Length;
    }

    /// <summary>Bytes that <see cref="StreamHeader"/> takes.</summary>
    public static int StreamHeaderLength(long streamId, long offset, int dataLength, bool isLast) =>
        1 + VarInt.Length(streamId) + (offset > 0 ? VarInt.Length(offset) : 0) + (isLast ? 0 : VarInt.Length(dataLength));

    public static int MaxData(Span<byte> destination, long limit) => Integers(destination, FrameType.MaxData, 1, limit);

    public static int MaxStreamData(Span<byte> destination, long streamId, long limit) =>
        Integers(destination, FrameType.MaxStreamData, 2, streamId, limit);

    public static int MaxStreams(Span<byte> destination, bool isUnidirectional, long limit) =>
        Integers(
            destination,
            isUnidirectional ? FrameType.MaxStreamsUnidirectional : FrameType.MaxStreamsBidirectional, 1, limit);

    public static int DataBlocked(Span<byte> destination, long limit) =>
        Integers(destination, FrameType.DataBlocked, 1, limit);

    public static int StreamDataBlocked(Span<byte> destination, long streamId, long limit) =>
        Integers(destination, FrameType.StreamDataBlocked, 2, streamId, limit);

    public static int StreamsBlocked(Span<byte> destination, bool isUnidirectional, long limit) =>
        Integers(
            destination,
            isUnidirectional ? FrameType.StreamsBlockedUnidirectional : FrameType.StreamsBlockedBidirectional, 1, limit);

    public static int NewConnectionId(
        Span<byte> destination,
        long sequenceNumber,
        long retirePriorTo,
        in ConnectionId connectionId,
        in StatelessResetToken resetToken)
    {
        WireWriter writer = new(destination);
        writer.Integer(FrameType.NewConnectionId);
        writer.Integer(sequenceNumber);
        writer.Integer(retirePriorTo);
        writer.ShortPrefixed(connectionId.Span);
        writer.Bytes(resetToken.Span);
        return writer.Length;
    }

    public static int RetireConnectionId(Span<byte> destination, long sequenceNumber) =>
        Integers(destination, FrameType.RetireConnectionId, 1, sequenceNumber);

    public static int PathChallenge(Span<byte> destination, ulong data) =>
        PathData(destination, FrameType.PathChallenge, data);

    public static int PathResponse(Span<byte> destination, ulong data) =>
        PathData(destination, FrameType.PathResponse, data);

    /// <summary>CONNECTION_CLOSE of the transport. Of the reason goes what fits.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="errorCode">The code; CRYPTO_ERROR with its alert included.</param>
    /// <param name="frameType">Which type of frame was to blame; 0 if none.</param>
    /// <param name="reason">Text for people, in UTF-8.</param>
    public static int ConnectionClose(
        Span<byte> destination, TransportErrorCode errorCode, long frameType, ReadOnlySpan<byte> reason)
    {
        WireWriter writer = new(destination);
        writer.Integer(FrameType.ConnectionClose);
        writer.Integer((long)errorCode);
        writer.Integer(frameType);
        writer.Prefixed(Cut(reason, writer.Left));
        return writer.Length;
    }

    /// <summary>CONNECTION_CLOSE of the application. Of the reason goes what fits.</summary>
    public static int ApplicationClose(Span<byte> destination, long errorCode, ReadOnlySpan<byte> reason)
    {
        WireWriter writer = new(destination);
        writer.Integer(FrameType.ApplicationClose);
        writer.Integer(errorCode);
        writer.Prefixed(Cut(reason, writer.Left));
        return writer.Length;
    }

    /// <summary>DATAGRAM.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="isLast">Whether nothing follows in the packet, so that there is no length.</param>
    public static int Datagram(Span<byte> destination, ReadOnlySpan<byte> data, bool isLast)
    {
        WireWriter writer = new(destination);
        writer.Integer(isLast ? FrameType.Datagram : FrameType.DatagramWithLength);
        if (!isLast)
        {
            writer.Integer(data.Length);
        }

        writer.Bytes(data);
        return writer.Length;
    }

    /// <summary>ACK_FREQUENCY.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="sequenceNumber">Larger than that of the one before.</param>
    /// <param name="ackElicitingThreshold">How many packets that elicit one may go without an acknowledgement.</param>
    /// <param name="requestedMaxAckDelay">Microseconds; not less than the peer's min_ack_delay.</param>
    /// <param name="reorderingThreshold">
    /// How much reordering makes an acknowledgement immediate; 0 if none shall.
    /// </param>
    public static int AckFrequency(
        Span<byte> destination,
        long sequenceNumber,
        long ackElicitingThreshold,
        long requestedMaxAckDelay,
        long reorderingThreshold) =>
        Integers(
            destination, FrameType.AckFrequency, 4, sequenceNumber, ackElicitingThreshold, requestedMaxAckDelay,
            reorderingThreshold);

    /// <summary>FEC_SOURCE; the source follows.</summary>
    public static int FecSource(Span<byte> destination, long sourceId) =>
        Integers(destination, FrameType.FecSource, 1, sourceId);

    /// <summary>What comes before the symbol of FEC_REPAIR, which ends with the packet.</summary>
    public static int FecRepairHeader(Span<byte> destination, long repairId, long firstSourceId, int count) =>
        Integers(destination, FrameType.FecRepair, 3, repairId, firstSourceId, count - 1);

    /// <summary>FEC_RECOVERED.</summary>
    public static int FecRecovered(Span<byte> destination, long firstSourceId, int count) =>
        Integers(destination, FrameType.FecRecovered, 2, firstSourceId, count - 1);

    // How many numbers lie between two ranges, less one (RFC 9000, 19.3.1).
    private static long Gap(ReadOnlySpan<NumberRange> ranges, int index) =>
        ranges[^(index + 1)].Start - ranges[^(index + 2)].End - 1;

    private static int TypeAlone(Span<byte> destination, long type) => VarInt.Write(destination, type);

    private static int Integers(
        Span<byte> destination, long type, int count, long first, long second = 0, long third = 0, long fourth = 0)
    {
        WireWriter writer = new(destination);
        writer.Integer(type);
        writer.Integer(first);
        if (count > 1)
        {
            writer.Integer(second);
        }

        if (count > 2)
        {
            writer.Integer(third);
        }

        if (count > 3)
        {
            writer.Integer(fourth);
        }

        return writer.Length;
    }

    private static int WithData(Span<byte> destination, int header, ReadOnlySpan<byte> data) =>
        header > 0 && data.TryCopyTo(destination[header..]) ? header + data.Length : 0;

    private static int PathData(Span<byte> destination, long type, ulong data)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, data);
        WireWriter writer = new(destination);
        writer.Integer(type);
        writer.Bytes(bytes);
        return writer.Length;
    }

    // So that its length field fits as well; not through the middle of a character.
    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> reason, int room)
    {
        int length = Math.Min(reason.Length, Math.Max(0, room - VarInt.Length(Math.Max(0, room))));
        while (length > 0 && length < reason.Length && (reason[length] & 0xc0) == 0x80)
        {
            length--;
        }

        return reason[..length];
    }
}
