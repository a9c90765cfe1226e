using System.Text;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Qlog;

/// <content>The frames of a packet.</content>
internal sealed partial class QlogTrace
{
    // Reasons are for people; a whole packet of one is not.
    private const int MostReasonBytes = 256;

    private void WriteFrames(ReadOnlySpan<byte> payload, int ackDelayExponent)
    {
        _json.WriteStartArray("frames"u8);
        FrameReader reader = new(payload, takesAckFrequency: true, takesFec: true);
        while (reader.TryRead(out Frame frame))
        {
            _json.WriteStartObject();
            WriteFrame(in frame, ackDelayExponent);
            _json.WriteEndObject();
        }

        if (reader.Error != TransportErrorCode.NoError)
        {
            _json.WriteStartObject();
            FrameType("unknown"u8);
            _json.WriteNumber("raw_frame_type"u8, reader.ErrorFrameType);
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
    }

    private void WriteFrame(in Frame frame, int ackDelayExponent)
    {
        switch (frame.Kind)
        {
            case FrameKind.Padding:
                FrameType("padding"u8);
                _json.WriteNumber("length"u8, frame.Padding.Count);
                _json.WriteNumber("payload_length"u8, frame.Padding.Count);
                break;
            case FrameKind.Ping:
                FrameType("ping"u8);
                break;
            case FrameKind.Ack:
                WriteAck(frame.Ack, ackDelayExponent);
                break;
            case FrameKind.Crypto:
                FrameType("crypto"u8);
                _json.WriteNumber("offset"u8, frame.Crypto.Offset);
                _json.WriteNumber("length"u8, frame.Crypto.Data.Length);
                break;
            case FrameKind.NewToken:
                FrameType("new_token"u8);
                _json.WriteStartObject("token"u8);
                _json.WriteString("type"u8, "resumption"u8);
                _json.WriteNumber("length"u8, frame.NewToken.Length);
                _json.WriteEndObject();
                break;
            case FrameKind.NewConnectionId:
                WriteNewConnectionId(frame.NewConnectionId);
                break;
            case FrameKind.RetireConnectionId:
                FrameType("retire_connection_id"u8);
                _json.WriteNumber("sequence_number"u8, frame.RetiredSequenceNumber);
                break;
            case FrameKind.PathChallenge or FrameKind.PathResponse:
                FrameType(frame.Kind == FrameKind.PathChallenge ? "path_challenge"u8 : "path_response"u8);
                _json.WriteString("data"u8, $"{frame.PathData:x16}");
                break;
            case FrameKind.ConnectionClose:
                WriteClose(frame.ConnectionClose);
                break;
            case FrameKind.HandshakeDone:
                FrameType("handshake_done"u8);
                break;
            case FrameKind.Datagram:
                FrameType("datagram"u8);
                _json.WriteNumber("length"u8, frame.Datagram.Length);
                break;
            case FrameKind.ImmediateAck:
                FrameType("immediate_ack"u8);
                break;
            case FrameKind.AckFrequency:
                FrameType("ack_frequency"u8);
                break;
            case FrameKind.FecSource:
                FrameType("fec_source"u8);
                _json.WriteNumber("source_id"u8, frame.FecSource.SourceId);
                break;
            case FrameKind.FecRepair:
                FrameType("fec_repair"u8);
                _json.WriteNumber("repair_id"u8, frame.FecRepair.RepairId);
                _json.WriteNumber("first_source_id"u8, frame.FecRepair.FirstSourceId);
                _json.WriteNumber("count"u8, frame.FecRepair.Count);
                break;
            case FrameKind.FecRecovered:
                FrameType("fec_recovered"u8);
                _json.WriteNumber("first_source_id"u8, frame.FecRecovered.FirstSourceId);
                _json.WriteNumber("count"u8, frame.FecRecovered.Count);
                break;
            default:
                WriteStreamFrame(in frame);
                break;
        }
    }

    private void WriteStreamFrame(in Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.Stream:
                StreamFrame stream = frame.Stream;
                FrameType("stream"u8);
                _json.WriteNumber("stream_id"u8, stream.StreamId);
                _json.WriteNumber("offset"u8, stream.Offset);
                _json.WriteNumber("length"u8, stream.Data.Length);
                if (stream.IsFin)
                {
                    _json.WriteBoolean("fin"u8, true);
                }

                break;
            case FrameKind.ResetStream:
                FrameType("reset_stream"u8);
                _json.WriteNumber("stream_id"u8, frame.ResetStream.StreamId);
                _json.WriteNumber("error_code"u8, frame.ResetStream.ErrorCode);
                _json.WriteNumber("final_size"u8, frame.ResetStream.FinalSize);
                break;
            case FrameKind.StopSending:
                FrameType("stop_sending"u8);
                _json.WriteNumber("stream_id"u8, frame.StopSending.StreamId);
                _json.WriteNumber("error_code"u8, frame.StopSending.ErrorCode);
                break;
            case FrameKind.MaxData:
                FrameType("max_data"u8);
                _json.WriteNumber("maximum"u8, frame.DataLimit);
                break;
            case FrameKind.DataBlocked:
                FrameType("data_blocked"u8);
                _json.WriteNumber("limit"u8, frame.DataLimit);
                break;
            case FrameKind.MaxStreamData:
                FrameType("max_stream_data"u8);
                _json.WriteNumber("stream_id"u8, frame.StreamDataLimit.StreamId);
                _json.WriteNumber("maximum"u8, frame.StreamDataLimit.Limit);
                break;
            case FrameKind.StreamDataBlocked:
                FrameType("stream_data_blocked"u8);
                _json.WriteNumber("stream_id"u8, frame.StreamDataLimit.StreamId);
                _json.WriteNumber("limit"u8, frame.StreamDataLimit.Limit);
                break;
            case FrameKind.MaxStreams or FrameKind.StreamsBlocked:
                bool isLimit = frame.Kind == FrameKind.MaxStreams;
                FrameType(isLimit ? "max_streams"u8 : "streams_blocked"u8);
                _json.WriteString("stream_type"u8, frame.StreamCount.IsUnidirectional ? "unidirectional"u8 : "bidirectional"u8);
                _json.WriteNumber(isLimit ? "maximum"u8 : "limit"u8, frame.StreamCount.Limit);
                break;
            default:
                FrameType("unknown"u8);
                _json.WriteNumber("raw_frame_type"u8, frame.Type);
                break;
        }
    }

    private void WriteAck(AckFrame ack, int ackDelayExponent)
    {
        FrameType("ack"u8);
        _json.WriteNumber("ack_delay"u8, ack.Delay(ackDelayExponent) / 1000.0);
        _json.WriteStartArray("acked_ranges"u8);
        foreach (NumberRange range in ack)
        {
            _json.WriteStartArray();
            _json.WriteNumberValue(range.Start);
            if (range.End - range.Start > 1)
            {
                _json.WriteNumberValue(range.End - 1);
            }

            _json.WriteEndArray();
        }

        _json.WriteEndArray();
        if (ack.HasEcn)
        {
            _json.WriteNumber("ect1"u8, ack.Ecn.Ect1);
            _json.WriteNumber("ect0"u8, ack.Ecn.Ect0);
            _json.WriteNumber("ce"u8, ack.Ecn.CongestionExperienced);
        }
    }

    // Without the token: whoever has it can end the connection (RFC 9000, 21.11).
    private void WriteNewConnectionId(NewConnectionIdFrame frame)
    {
        FrameType("new_connection_id"u8);
        _json.WriteNumber("sequence_number"u8, frame.SequenceNumber);
        _json.WriteNumber("retire_prior_to"u8, frame.RetirePriorTo);
        _json.WriteNumber("connection_id_length"u8, frame.ConnectionId.Length);
        _json.WriteString("connection_id"u8, frame.ConnectionId.ToString());
    }

    private void WriteClose(ConnectionCloseFrame close)
    {
        FrameType("connection_close"u8);
        _json.WriteString("error_space"u8, close.IsByApplication ? "application"u8 : "transport"u8);
        WriteErrorCode("error_code"u8, close.ErrorCode, close.IsByApplication);
        _json.WriteNumber("raw_error_code"u8, close.ErrorCode);
        _json.WriteString("reason"u8, TextOf(close.Reason));
        if (!close.IsByApplication)
        {
            _json.WriteNumber("trigger_frame_type"u8, close.ErrorFrameType);
        }
    }

    private static string TextOf(ReadOnlySpan<byte> reason) => Encoding.UTF8.GetString(reason[..Math.Min(reason.Length, MostReasonBytes)]);

    private void WriteErrorCode(ReadOnlySpan<byte> name, long code, bool isOfApplication)
    {
        string? text = isOfApplication ? null : (TransportErrorCode)code switch
        {
            TransportErrorCode.NoError => "no_error",
            TransportErrorCode.InternalError => "internal_error",
            TransportErrorCode.ConnectionRefused => "connection_refused",
            TransportErrorCode.FlowControlError => "flow_control_error",
            TransportErrorCode.StreamLimitError => "stream_limit_error",
            TransportErrorCode.StreamStateError => "stream_state_error",
            TransportErrorCode.FinalSizeError => "final_size_error",
            TransportErrorCode.FrameEncodingError => "frame_encoding_error",
            TransportErrorCode.TransportParameterError => "transport_parameter_error",
            TransportErrorCode.ConnectionIdLimitError => "connection_id_limit_error",
            TransportErrorCode.ProtocolViolation => "protocol_violation",
            TransportErrorCode.InvalidToken => "invalid_token",
            TransportErrorCode.ApplicationError => "application_error",
            TransportErrorCode.CryptoBufferExceeded => "crypto_buffer_exceeded",
            >= TransportErrorCode.CryptoError and <= (TransportErrorCode)0x1ff => $"crypto_error_0x{code:x3}",
            _ => null,
        };
        if (text is null)
        {
            _json.WriteNumber(name, code);
        }
        else
        {
            _json.WriteString(name, text);
        }
    }

    private void FrameType(ReadOnlySpan<byte> name) => _json.WriteString("frame_type"u8, name);
}
