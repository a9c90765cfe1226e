using System.Text.Json;
using Causeway.Protocol;
using Causeway.Quic.Protection;
using Causeway.Quic.Qlog;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Qlog;

/// <summary>Frames of every kind, as a log shows them.</summary>
public sealed class QlogFrameTests
{
    [Fact]
    public void EveryKindOfFrameIsLogged()
    {
        JsonElement[] frames = Log(Write(
            room => FrameWriter.Padding(room, 3),
            FrameWriter.Ping,
            room => FrameWriter.Ack(room, [new NumberRange(1, 4), new NumberRange(6, 7)], 125, new EcnCounts(1, 2, 3), 8),
            room => FrameWriter.ResetStream(room, 4, 5, 6),
            room => FrameWriter.StopSending(room, 4, 5),
            room => FrameWriter.Crypto(room, 7, [1, 2]),
            room => FrameWriter.NewToken(room, [0xab, 0xcd]),
            room => FrameWriter.Stream(room, 8, 9, [1, 2, 3], isFin: true, isLast: false),
            room => FrameWriter.Stream(room, 8, 9, [1, 2, 3], isFin: false, isLast: false),
            room => FrameWriter.MaxData(room, 10),
            room => FrameWriter.MaxStreamData(room, 4, 11),
            room => FrameWriter.MaxStreams(room, isUnidirectional: true, 12),
            room => FrameWriter.DataBlocked(room, 13),
            room => FrameWriter.StreamDataBlocked(room, 4, 14),
            room => FrameWriter.StreamsBlocked(room, isUnidirectional: false, 15),
            room => FrameWriter.NewConnectionId(room, 2, 1, new ConnectionId([1, 2, 3, 4]), new StatelessResetToken(new byte[16])),
            room => FrameWriter.RetireConnectionId(room, 3),
            room => FrameWriter.PathChallenge(room, 0x0102030405060708),
            room => FrameWriter.PathResponse(room, 1),
            room => FrameWriter.ConnectionClose(room, TransportErrorCode.ProtocolViolation, 6, "why"u8),
            room => FrameWriter.ApplicationClose(room, 77, [0xff]),
            FrameWriter.HandshakeDone,
            FrameWriter.ImmediateAck,
            room => FrameWriter.AckFrequency(room, 1, 2, 3, 4),
            room => FrameWriter.Datagram(room, [1, 2, 3, 4, 5], isLast: false),
            room => FrameWriter.FecRecovered(room, 5, 1),
            room => FrameWriter.FecSource(room, 7),
            room => Wire.Samples.Repair(room, 8, 9, 10, [0, 1, 2])));
        Assert.Equal(
            [
                "padding", "ping", "ack", "reset_stream", "stop_sending", "crypto", "new_token", "stream", "stream", "max_data",
                "max_stream_data", "max_streams", "data_blocked", "stream_data_blocked", "streams_blocked", "new_connection_id",
                "retire_connection_id", "path_challenge", "path_response", "connection_close", "connection_close", "handshake_done",
                "immediate_ack", "ack_frequency", "datagram", "fec_recovered", "fec_source", "fec_repair",
            ],
            frames.Select(static frame => frame.GetProperty("frame_type").GetString()!));
        Assert.Equal(Enum.GetValues<FrameKind>().Length, frames.Select(static frame => frame.GetProperty("frame_type").GetString()).Distinct().Count());
        Assert.Equal("""{"frame_type":"ack","ack_delay":1,"acked_ranges":[[6],[1,3]],"ect1":2,"ect0":1,"ce":3}""", frames[2].GetRawText());
        Assert.Equal("""{"frame_type":"stream","stream_id":8,"offset":9,"length":3,"fin":true}""", frames[7].GetRawText());
        Assert.False(frames[8].TryGetProperty("fin", out _));
        Assert.Equal("0102030405060708", frames[17].GetProperty("data").GetString());
        Assert.Equal("protocol_violation", frames[19].GetProperty("error_code").GetString());
        Assert.Equal(77, frames[20].GetProperty("error_code").GetInt32());
    }

    [Fact]
    public void WhatDoesNotParseIsUnknown()
    {
        JsonElement[] frames = Log([0x01, 0x3f, 1, 2, 3]);
        Assert.Equal(2, frames.Length);
        Assert.Equal("""{"frame_type":"unknown","raw_frame_type":63}""", frames[1].GetRawText());
    }

    private static JsonElement[] Log(byte[] payload)
    {
        QlogFile file = new();
        using (QlogTrace trace = new(file.Open("test")!))
        {
            trace.Start(EndpointRole.Client, new ConnectionId([1, 2, 3, 4]), Timestamp.Zero, DateTimeOffset.UnixEpoch);
            trace.PacketReceived(default, new OpenedPacket(0, 0, payload.Length, 0, IsFirstOfGeneration: false), payload, Timestamp.Zero);
        }

        file.Check();
        return [.. Assert.Single(file.Of("transport:packet_received")).GetProperty("frames").EnumerateArray()];
    }

    private delegate int Writer(Span<byte> room);

    private static byte[] Write(params ReadOnlySpan<Writer> writers)
    {
        byte[] room = new byte[1000];
        int length = 0;
        foreach (Writer writer in writers)
        {
            length += writer(room.AsSpan(length));
        }

        return room[..length];
    }
}
