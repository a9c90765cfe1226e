using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Simulation.Attacks;

/// <summary>What RFC 9000 forbids, sent by a peer with the right keys: each has its code, and nothing else happens.</summary>
public sealed class ForgedFrameTests
{
    private const long ClientStream = 4;
    private static readonly byte[] s_data = new byte[100];
    private static readonly StatelessResetToken s_token = new(new byte[16]);

    // One packet each, by a client.
    private static readonly Dictionary<string, (TransportErrorCode Code, FrameMaker Frame)> s_single = new()
    {
        ["an ACK of a packet that was never sent"] = (TransportErrorCode.ProtocolViolation, room => Ack(room, 0, 1 << 20)),
        ["an ACK range below zero"] = (TransportErrorCode.FrameEncodingError, room => Raw(room, [0x02, 0x05, 0x00, 0x00, 0x06])),
        ["a stream beyond the limit"] =
            (TransportErrorCode.StreamLimitError, room => FrameWriter.Stream(room, 4 * 1024, 0, s_data, false, false)),
        ["a unidirectional stream beyond the limit"] =
            (TransportErrorCode.StreamLimitError, room => FrameWriter.Stream(room, (4 * 1024) + 2, 0, s_data, false, false)),
        ["data beyond a stream's window"] =
            (TransportErrorCode.FlowControlError, room => FrameWriter.Stream(room, ClientStream, 1L << 40, s_data, false, false)),
        ["data at the last offset"] =
            (TransportErrorCode.FrameEncodingError, room => FrameWriter.Stream(room, ClientStream, VarInt.MaxValue - 5, s_data, false, false)),
        ["a reset beyond a stream's window"] =
            (TransportErrorCode.FlowControlError, room => FrameWriter.ResetStream(room, ClientStream, 0, 1L << 40)),
        ["data on a stream that only the server sends on"] =
            (TransportErrorCode.StreamStateError, room => FrameWriter.Stream(room, 3, 0, s_data, false, false)),
        ["data on a server's stream that was never opened"] =
            (TransportErrorCode.StreamStateError, room => FrameWriter.Stream(room, 1, 0, s_data, false, false)),
        ["a window for a stream that was never opened"] =
            (TransportErrorCode.StreamStateError, room => FrameWriter.MaxStreamData(room, 1, 1000)),
        ["a window for a stream that only the client sends on"] =
            (TransportErrorCode.StreamStateError, room => FrameWriter.MaxStreamData(room, 2, 1000)),
        ["STOP_SENDING for a stream that was never opened"] =
            (TransportErrorCode.StreamStateError, room => FrameWriter.StopSending(room, 5, 1)),
        ["HANDSHAKE_DONE by a client"] = (TransportErrorCode.ProtocolViolation, FrameWriter.HandshakeDone),
        ["NEW_TOKEN by a client"] = (TransportErrorCode.ProtocolViolation, room => FrameWriter.NewToken(room, s_data)),
        ["NEW_TOKEN without a token"] = (TransportErrorCode.FrameEncodingError, room => Raw(room, [0x07, 0x00])),
        ["RETIRE_CONNECTION_ID of an id that was never issued"] =
            (TransportErrorCode.ProtocolViolation, room => FrameWriter.RetireConnectionId(room, 1000)),
        ["NEW_CONNECTION_ID that retires itself"] =
            (TransportErrorCode.FrameEncodingError, room => FrameWriter.NewConnectionId(room, 5, 6, Id(5), s_token)),
        ["NEW_CONNECTION_ID of no length"] =
            (TransportErrorCode.FrameEncodingError, room => FrameWriter.NewConnectionId(room, 5, 0, default, s_token)),
        ["more streams than there are ids"] =
            (TransportErrorCode.FrameEncodingError, room => FrameWriter.MaxStreams(room, false, (1L << 60) + 1)),
        ["a frame type that nobody knows"] = (TransportErrorCode.FrameEncodingError, room => Raw(room, [0x40, 0x99])),
        ["a frame type in more bytes than it needs"] = (TransportErrorCode.ProtocolViolation, room => Raw(room, [0x40, 0x01])),
        ["a frame that is cut off"] = (TransportErrorCode.FrameEncodingError, room => Raw(room, [0x10])),
        ["a packet without frames"] = (TransportErrorCode.ProtocolViolation, _ => 0),
        ["CRYPTO bytes far ahead"] = (TransportErrorCode.CryptoBufferExceeded, room => FrameWriter.Crypto(room, 1 << 20, s_data)),
        ["CRYPTO bytes that are no message of TLS"] =
            ((TransportErrorCode)0x10a, room => FrameWriter.Crypto(room, 0, [24, 0, 0, 1, 0])),
        ["a datagram that is too long"] = (TransportErrorCode.ProtocolViolation, room => FrameWriter.Datagram(room, new byte[200], false)),
    };

    public static TheoryData<string> Names => new(s_single.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public void AForgedFrameEndsTheConnectionWithItsCode(string name)
    {
        (TransportErrorCode code, FrameMaker frame) = s_single[name];
        using Forger forger = Forger.Create(victim: static s => s with { MaxDatagramFrame = 100 }).Connect().TakeOver();

        forger.Send(frame);
        forger.ExpectClose(code);
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x10)]
    public void AReservedBitEndsTheConnection(byte bits)
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        forger.Send(EncryptionLevel.Application, [FrameWriter.Ping], reservedBits: bits);
        forger.ExpectClose(TransportErrorCode.ProtocolViolation);
    }

    [Fact]
    public void AFinalSizeThatChangesEndsTheConnection()
    {
        foreach (FrameMaker lie in new FrameMaker[]
        {
            room => FrameWriter.Stream(room, ClientStream, 100, s_data, false, false),
            room => FrameWriter.Stream(room, ClientStream, 0, s_data.AsSpan(0, 50), true, false),
            room => FrameWriter.ResetStream(room, ClientStream, 0, 99),
            room => FrameWriter.ResetStream(room, ClientStream, 0, 101),
        })
        {
            using Forger forger = Forger.Create().Connect().TakeOver();

            // A byte is missing, so that the stream stays open.
            forger.Send(room => FrameWriter.Stream(room, ClientStream, 1, s_data.AsSpan(1), true, false));
            forger.Send(lie);
            forger.ExpectClose(TransportErrorCode.FinalSizeError);
        }
    }

    [Fact]
    public void AWindowOfAllStreamsIsNotExceeded()
    {
        using Forger forger = Forger.Create(victim: static s => s with { MemoryBudget = 1 << 20 }).Connect().TakeOver();
        for (int i = 1; i < 1000 && forger.Victim.Failure is null; i++)
        {
            long id = 4 * i;
            forger.Send(room => FrameWriter.Stream(room, id, 4000, s_data.AsSpan(0, 96), false, false));
        }

        forger.ExpectClose(TransportErrorCode.FlowControlError);
    }

    [Fact]
    public void TinyFramesWithGapsAreLimited()
    {
        using Forger forger = Forger.Create(victim: static s => s with { MemoryBudget = 1 << 30 }).Connect().TakeOver();
        for (int i = 0; i <= ReassemblyBuffer.MostGaps && forger.Victim.Failure is null; i++)
        {
            long offset = 1 + (2 * i);
            forger.Send(room => FrameWriter.Stream(room, ClientStream, offset, s_data.AsSpan(0, 1), false, false));
        }

        forger.ExpectClose(TransportErrorCode.InternalError);
    }

    [Fact]
    public void ConnectionIdsAreLimited()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        for (int i = 10; i < 30 && forger.Victim.Failure is null; i++)
        {
            long sequence = i;
            forger.Send(room => FrameWriter.NewConnectionId(room, sequence, 0, Id(sequence), s_token));
        }

        forger.ExpectClose(TransportErrorCode.ConnectionIdLimitError);
    }

    [Fact]
    public void RetirementsThatAreNeverAcknowledgedAreLimited()
    {
        // Each frame has the victim retire the id before it, and the forger never acknowledges that.
        using Forger forger = Forger.Create().Connect().TakeOver();
        int sent = 0;
        for (int i = 1000; i < 1200 && forger.Victim.Failure is null; i++, sent++)
        {
            long sequence = i;
            forger.Send(room => FrameWriter.NewConnectionId(room, sequence, sequence, Id(sequence), s_token));
            forger.Pair.Network.Run(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(sent, 20, 80);
        forger.ExpectClose(TransportErrorCode.ConnectionIdLimitError, isHeard: false);
    }

    [Fact]
    public void RetiringIdsAgainAndAgainIsLimited()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        int sent = 0;
        for (int i = 1; i < 500 && forger.Victim.Failure is null; i++, sent++)
        {
            long sequence = i;
            forger.Send(room => FrameWriter.RetireConnectionId(room, sequence));
        }

        Assert.InRange(sent, 20, 100);
        Assert.True(forger.Victim.Statistics.ConnectionIdsRetired >= sent);
        forger.ExpectClose(TransportErrorCode.ConnectionIdLimitError);
    }

    [Fact]
    public void TheIdOfAPacketIsNotRetiredByIt()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        Assert.Equal(forger.Victim.SourceId, forger.Destination);
        forger.Send(static room => FrameWriter.RetireConnectionId(room, 0), FrameWriter.Ping);
        forger.ExpectClose(TransportErrorCode.ProtocolViolation);
    }

    [Fact]
    public void AcknowledgingAheadIsFoundOut()
    {
        // The server leaves numbers out in a transfer. Whoever acknowledges all up to the newest has not received them.
        using Forger forger = Forger.Create();
        forger.Pair.Connect();
        forger.Pair.Open(1000, 3_000_000);
        forger.Pair.Transfer(TimeSpan.FromSeconds(30));
        forger.TakeOver();
        long newest = forger.Victim.Recovery[PacketSpaceId.Application].NextNumber - 1;
        forger.Send(room => Ack(room, 0, newest));
        forger.ExpectClose(TransportErrorCode.ProtocolViolation);
    }

    [Fact]
    public void QuestionsAboutThePathLeaveOneAnswer()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        long before = forger.Victim.Statistics.OutBytes;
        for (ulong i = 0; i < 10_000; i++)
        {
            ulong data = i;
            forger.Send(room => FrameWriter.PathChallenge(room, data));
        }

        forger.Pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(10_000, forger.Victim.Statistics.PathChallenges);
        Assert.True(forger.Victim.Statistics.OutBytes - before < 20_000);
        Assert.Null(forger.Victim.Failure);
        forger.Pair.Close();
    }

    [Fact]
    public void PacketsThatComeAgainChangeNothing()
    {
        using Forger forger = Forger.Create().Connect().TakeOver();
        for (int i = 0; i < 100; i++)
        {
            forger.Send(EncryptionLevel.Application, [room => FrameWriter.Stream(room, ClientStream, 0, s_data, false, false)], number: 500_000);
        }

        Assert.Equal(99, forger.Victim.Statistics.PacketsRepeated);
        Assert.Null(forger.Victim.Failure);
        forger.Pair.Close();
    }

    [Theory]
    [InlineData("stream")]
    [InlineData("application close")]
    [InlineData("far ahead")]
    [InlineData("reserved")]
    public void AnInitialPacketHasOnlyWhatBelongsThere(string what)
    {
        using Forger forger = Forger.Create();
        forger.Pair.Forward.OnDatagram = (path, datagram, _) =>
        {
            if (forger.InitialDestination.IsEmpty)
            {
                InvariantHeader.TryRead(datagram.Payload, 8, out InvariantHeader header);
                forger.InitialDestination = new ConnectionId(header.DestinationId);
                return TestKit.DatagramVerdict.Pass;
            }

            return TestKit.DatagramVerdict.Drop;
        };
        forger.Pair.RunUntil(() => forger.Pair.Server.Session is not null, TimeSpan.FromSeconds(5));
        FrameMaker frame = what switch
        {
            "stream" => room => FrameWriter.Stream(room, 0, 0, s_data, false, false),
            "application close" => room => FrameWriter.ApplicationClose(room, 1, default),
            "far ahead" => room => FrameWriter.Crypto(room, 1 << 20, s_data),
            _ => room => FrameWriter.Ping(room),
        };
        forger.Send(EncryptionLevel.Initial, [frame, room => FrameWriter.Padding(room, 10)], reservedBits: (byte)(what == "reserved" ? 0x0c : 0));
        Assert.Equal(
            (long)(what == "far ahead" ? TransportErrorCode.CryptoBufferExceeded : TransportErrorCode.ProtocolViolation),
            forger.Victim.Failure?.ErrorCode);
        forger.Pair.Close();
    }

    [Theory]
    [InlineData("ack", TransportErrorCode.ProtocolViolation)]
    [InlineData("stream", TransportErrorCode.StreamStateError)]
    [InlineData("crypto", TransportErrorCode.CryptoBufferExceeded)]
    [InlineData("done", TransportErrorCode.NoError)]
    internal void AServerKeepsToTheRulesToo(string what, TransportErrorCode code)
    {
        using Forger forger = Forger.Create(EndpointRole.Server).Connect().TakeOver();
        forger.Send(what switch
        {
            "ack" => room => Ack(room, 0, 1 << 20),
            "stream" => room => FrameWriter.Stream(room, 2, 0, s_data, false, false),
            "crypto" => room => FrameWriter.Crypto(room, 1 << 20, s_data),
            _ => FrameWriter.HandshakeDone,
        }, static room => FrameWriter.Padding(room, 10));
        if (code == TransportErrorCode.NoError)
        {
            Assert.Null(forger.Victim.Failure);
            forger.Pair.Close();
            return;
        }

        forger.ExpectClose(code);
    }

    private static int Ack(Span<byte> room, long first, long last) =>
        FrameWriter.Ack(room, [new NumberRange(first, last + 1)], 0, null, 1);

    private static int Raw(Span<byte> room, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(room);
        return bytes.Length;
    }

    private static ConnectionId Id(long number) => new(BitConverter.GetBytes(number));
}
