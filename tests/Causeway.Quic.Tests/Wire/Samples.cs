using System.Net;
using Causeway.Protocol;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

/// <summary>Valid inputs of the parsers.</summary>
internal static class Samples
{
    public static readonly ConnectionId Id = new([1, 2, 3, 4, 5, 6, 7, 8]);

    public static readonly StatelessResetToken Token = new([.. Enumerable.Range(100, 16).Select(static i => (byte)i)]);

    /// <summary>Every frame, by name; each is whole alone in a packet.</summary>
    public static IReadOnlyList<(string Name, byte[] Bytes)> Frames { get; } =
    [
        ("PADDING", new byte[3]),
        ("PING", Make(static to => FrameWriter.Ping(to))),
        ("ACK", Make(static to => FrameWriter.Ack(to, [new(3, 5), new(10, 11), new(100, 20000)], 77, null, 10))),
        ("ACK with ECN", Make(static to => FrameWriter.Ack(to, [new(0, 1)], 0, new EcnCounts(1, 70, 20000), 1))),
        ("RESET_STREAM", Make(static to => FrameWriter.ResetStream(to, 4, 70000, 123456789))),
        ("STOP_SENDING", Make(static to => FrameWriter.StopSending(to, 400, 7))),
        ("CRYPTO", Make(static to => FrameWriter.Crypto(to, 1000, "hello"u8))),
        ("NEW_TOKEN", Make(static to => FrameWriter.NewToken(to, "token"u8))),
        ("STREAM 8", Make(static to => FrameWriter.Stream(to, 4, 0, "abc"u8, false, true))),
        ("STREAM b", Make(static to => FrameWriter.Stream(to, 4, 0, "abc"u8, true, false))),
        ("STREAM f", Make(static to => FrameWriter.Stream(to, 1 << 20, 1L << 40, "abc"u8, true, false))),
        ("STREAM c", Make(static to => FrameWriter.Stream(to, 3, 77, default, false, true))),
        ("MAX_DATA", Make(static to => FrameWriter.MaxData(to, VarInt.MaxValue))),
        ("MAX_STREAM_DATA", Make(static to => FrameWriter.MaxStreamData(to, 8, 65536))),
        ("MAX_STREAMS", Make(static to => FrameWriter.MaxStreams(to, false, 1L << 60))),
        ("MAX_STREAMS uni", Make(static to => FrameWriter.MaxStreams(to, true, 100))),
        ("DATA_BLOCKED", Make(static to => FrameWriter.DataBlocked(to, 100000))),
        ("STREAM_DATA_BLOCKED", Make(static to => FrameWriter.StreamDataBlocked(to, 12, 100000))),
        ("STREAMS_BLOCKED", Make(static to => FrameWriter.StreamsBlocked(to, false, 100))),
        ("STREAMS_BLOCKED uni", Make(static to => FrameWriter.StreamsBlocked(to, true, 1L << 60))),
        ("NEW_CONNECTION_ID", Make(static to => FrameWriter.NewConnectionId(to, 9, 9, Id, Token))),
        ("RETIRE_CONNECTION_ID", Make(static to => FrameWriter.RetireConnectionId(to, 300))),
        ("PATH_CHALLENGE", Make(static to => FrameWriter.PathChallenge(to, 0xfedcba9876543210))),
        ("PATH_RESPONSE", Make(static to => FrameWriter.PathResponse(to, 0x0123456789abcdef))),
        ("CONNECTION_CLOSE",
            Make(static to => FrameWriter.ConnectionClose(to, TransportErrorCode.CryptoError + 40, FrameType.Crypto, "no"u8))),
        ("CONNECTION_CLOSE by the application", Make(static to => FrameWriter.ApplicationClose(to, 70000, "bye"u8))),
        ("HANDSHAKE_DONE", Make(static to => FrameWriter.HandshakeDone(to))),
        ("IMMEDIATE_ACK", Make(static to => FrameWriter.ImmediateAck(to))),
        ("DATAGRAM", Make(static to => FrameWriter.Datagram(to, "data"u8, true))),
        ("DATAGRAM with a length", Make(static to => FrameWriter.Datagram(to, "data"u8, false))),
        ("ACK_FREQUENCY", Make(static to => FrameWriter.AckFrequency(to, 1, 10, 25000, 3))),
        ("FEC_SOURCE", Make(static to => FrameWriter.FecSource(to, 70))),
        ("FEC_REPAIR", Make(static to => Repair(to, 5, 300, 32, [0, 3, 7, 8, 9]))),
        ("FEC_RECOVERED", Make(static to => FrameWriter.FecRecovered(to, 300, 2))),
    ];

    /// <summary>Writes a frame.</summary>
    public static byte[] Make(FrameWriting write)
    {
        byte[] buffer = new byte[200];
        return buffer[..write(buffer)];
    }

    /// <summary>All parameters, each other than its default.</summary>
    public static TransportParameters ServerParameters() => new()
    {
        OriginalDestinationConnectionId = Id,
        MaxIdleTimeout = 30000,
        StatelessResetToken = Token,
        MaxUdpPayloadSize = 1472,
        InitialMaxData = 1 << 20,
        InitialMaxStreamDataBidirectionalLocal = 1 << 18,
        InitialMaxStreamDataBidirectionalRemote = 1 << 17,
        InitialMaxStreamDataUnidirectional = 1 << 16,
        InitialMaxStreamsBidirectional = 100,
        InitialMaxStreamsUnidirectional = 3,
        AckDelayExponent = 8,
        MaxAckDelay = 20,
        DisableActiveMigration = true,
        PreferredAddress = new PreferredAddress(
            PeerAddress.FromEndPoint(IPEndPoint.Parse("192.0.2.1:443")),
            PeerAddress.FromEndPoint(IPEndPoint.Parse("[2001:db8::1]:8443")),
            new ConnectionId([9, 8, 7, 6]),
            Token),
        ActiveConnectionIdLimit = 8,
        InitialSourceConnectionId = ConnectionId.Empty,
        RetrySourceConnectionId = new ConnectionId([5]),
        VersionInformation = VersionInformation.Create(QuicVersion.V2, [QuicVersion.V2, QuicVersion.V1]),
        MaxDatagramFrameSize = 65535,
        GreaseQuicBit = true,
        MinAckDelay = 1000,
        FecWindow = 32,
    };

    /// <summary>Writes FEC_REPAIR with a symbol.</summary>
    public static int Repair(Span<byte> to, long repair, long first, int count, ReadOnlySpan<byte> symbol)
    {
        int header = FrameWriter.FecRepairHeader(to, repair, first, count);
        return header > 0 && symbol.TryCopyTo(to[header..]) ? header + symbol.Length : 0;
    }

    /// <summary>Writes a frame into a span and says how long it is.</summary>
    internal delegate int FrameWriting(Span<byte> destination);
}
