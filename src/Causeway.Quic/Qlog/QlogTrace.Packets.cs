using System.Buffers.Binary;
using Causeway.Quic.Protection;
using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Qlog;

/// <content>Packets that were sent, received, kept and dropped.</content>
internal sealed partial class QlogTrace
{
    // The first 1-RTT packet's number: what comes before it in the same space is 0-RTT.
    private long _firstOneRtt = long.MaxValue;

    /// <summary>A packet is about to be sealed.</summary>
    /// <param name="bytes">The packet, its payload as it is before it is sealed.</param>
    /// <param name="payloadOffset">Where its frames begin.</param>
    /// <param name="packet">What recovery knows of it.</param>
    /// <param name="level">Its keys.</param>
    /// <param name="now">The time.</param>
    public void PacketSent(ReadOnlySpan<byte> bytes, int payloadOffset, QuicSentPacket packet, EncryptionLevel level, Timestamp now)
    {
        if (level == EncryptionLevel.Application)
        {
            _firstOneRtt = Math.Min(_firstOneRtt, packet.Number);
        }

        if (!Begin("transport:packet_sent"u8, now))
        {
            return;
        }

        // Of a short header the length of the destination id is not known here, nor wanted.
        PacketHeader header = default;
        bool isLong = level != EncryptionLevel.Application && PacketHeader.TryRead(bytes, 0, acceptsGreasedBit: true, out header);
        WriteHeader(NameOf(level), packet.Number, in header, isLong);
        ReadOnlySpan<byte> payload = bytes[payloadOffset..^PacketAead.TagLength];
        WriteRaw(bytes.Length, payload.Length);
        if (packet.IsMtuProbe)
        {
            _json.WriteBoolean("is_mtu_probe_packet"u8, true);
        }

        WriteFrames(payload, TransportParameters.DefaultAckDelayExponent);
        End();
    }

    /// <summary>A packet was opened for the first time.</summary>
    public void PacketReceived(in PacketHeader header, in OpenedPacket opened, ReadOnlySpan<byte> bytes, Timestamp now)
    {
        if (Begin("transport:packet_received"u8, now))
        {
            WriteHeader(NameOf(header.Level), opened.PacketNumber, in header, header.Type != PacketType.OneRtt);
            WriteRaw(bytes.Length, opened.PayloadLength);
            WriteFrames(
                bytes.Slice(opened.PayloadOffset, opened.PayloadLength),
                header.Type == PacketType.OneRtt ? _peerAckDelayExponent : TransportParameters.DefaultAckDelayExponent);
            End();
        }
    }

    /// <summary>A Retry or Version Negotiation packet came and was taken.</summary>
    public void UnprotectedReceived(in PacketHeader header, Timestamp now)
    {
        if (!Begin("transport:packet_received"u8, now))
        {
            return;
        }

        WriteHeader(NameOf(header.Type), -1, in header, isLong: true);
        WriteRaw(header.PacketLength, -1);
        if (header.Type == PacketType.Retry)
        {
            _json.WriteStartObject("retry_token"u8);
            _json.WriteString("type"u8, "retry"u8);
            _json.WriteNumber("length"u8, header.Token.Length);
            _json.WriteEndObject();
        }
        else
        {
            _json.WriteStartArray("supported_versions"u8);
            for (ReadOnlySpan<byte> left = header.Token; left.Length >= sizeof(uint); left = left[sizeof(uint)..])
            {
                _json.WriteStringValue($"{BinaryPrimitives.ReadUInt32BigEndian(left):x8}");
            }

            _json.WriteEndArray();
        }

        End();
    }

    /// <summary>There are no keys for a packet, so that it is kept until they come, or dropped.</summary>
    public void PacketUnopenable(in PacketHeader header, bool isKept, Timestamp now)
    {
        if (!isKept)
        {
            PacketDropped(in header, "key_unavailable"u8, now);
        }
        else if (Begin("transport:packet_buffered"u8, now))
        {
            EndUnopened(in header, "keys_unavailable"u8);
        }
    }

    /// <summary>A packet was dropped.</summary>
    public void PacketDropped(in PacketHeader header, ReadOnlySpan<byte> trigger, Timestamp now)
    {
        if (Begin("transport:packet_dropped"u8, now))
        {
            EndUnopened(in header, trigger);
        }
    }

    /// <summary>So many bytes of a datagram are no packet, or none for this end.</summary>
    public void BytesDropped(int length, ReadOnlySpan<byte> trigger, Timestamp now)
    {
        if (Begin("transport:packet_dropped"u8, now))
        {
            WriteRaw(length, -1);
            _json.WriteString("trigger"u8, trigger);
            End();
        }
    }

    private static ReadOnlySpan<byte> NameOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => "initial"u8,
        EncryptionLevel.EarlyData => "0RTT"u8,
        EncryptionLevel.Handshake => "handshake"u8,
        _ => "1RTT"u8,
    };

    private static ReadOnlySpan<byte> NameOf(PacketType type) => type switch
    {
        PacketType.Initial => "initial"u8,
        PacketType.ZeroRtt => "0RTT"u8,
        PacketType.Handshake => "handshake"u8,
        PacketType.Retry => "retry"u8,
        PacketType.VersionNegotiation => "version_negotiation"u8,
        PacketType.OneRtt => "1RTT"u8,
        _ => "unknown"u8,
    };

    private void EndUnopened(in PacketHeader header, ReadOnlySpan<byte> trigger)
    {
        WriteHeader(NameOf(header.Type), -1, in header, header.Type != PacketType.OneRtt);
        WriteRaw(header.PacketLength, -1);
        _json.WriteString("trigger"u8, trigger);
        End();
    }

    private void WriteHeader(ReadOnlySpan<byte> type, long number, in PacketHeader header, bool isLong)
    {
        _json.WriteStartObject("header"u8);
        _json.WriteString("packet_type"u8, type);
        if (number >= 0)
        {
            _json.WriteNumber("packet_number"u8, number);
        }

        if (isLong)
        {
            _json.WriteString("version"u8, $"{(uint)header.Version:x8}");
            _json.WriteNumber("scil"u8, header.SourceId.Length);
            _json.WriteNumber("dcil"u8, header.DestinationId.Length);
            WriteHex("scid"u8, header.SourceId);
            WriteHex("dcid"u8, header.DestinationId);
            if (header.Type == PacketType.Initial && !header.Token.IsEmpty)
            {
                // Only its length: whoever has a token may use it.
                _json.WriteStartObject("token"u8);
                _json.WriteNumber("length"u8, header.Token.Length);
                _json.WriteEndObject();
            }
        }

        _json.WriteEndObject();
    }

    private void WriteRaw(int length, int payloadLength)
    {
        _json.WriteStartObject("raw"u8);
        _json.WriteNumber("length"u8, length);
        if (payloadLength >= 0)
        {
            _json.WriteNumber("payload_length"u8, payloadLength);
        }

        _json.WriteEndObject();
    }
}
