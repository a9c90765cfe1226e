using Causeway.Protocol;
using Causeway.Quic;
using Causeway.Quic.Fec;
using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Fuzz;

/// <summary>
/// What a QUIC endpoint reads of strangers, behind one byte that chooses: the frames of a packet, a datagram, or transport
/// parameters.
/// </summary>
internal static class QuicTarget
{
    private const int Choices = 3;

    private static readonly PacketPool s_pool = new();
    private static readonly byte[] s_secret = new byte[32];
    private static readonly ConnectionId s_id = new([1, 2, 3, 4, 5, 6, 7, 8]);

    public static IReadOnlyList<byte[]> Seeds() => [FrameSeed(), DatagramSeed(), ParameterSeed()];

    public static void Run(byte[] input)
    {
        if (input.Length is 0 or > 1500)
        {
            return;
        }

        switch (input[0] % Choices)
        {
            case 0:
                ReadFrames(input.AsSpan(1));
                break;
            case 1:
                ReadDatagram(input.AsSpan(1).ToArray());
                break;
            default:
                TransportParameters parameters = new();
                TransportParameterCodec.TryRead(input.AsSpan(1), EndpointRole.Client, parameters, out _);
                TransportParameterCodec.TryRead(input.AsSpan(1), EndpointRole.Server, parameters, out _);
                break;
        }
    }

    private static void ReadFrames(ReadOnlySpan<byte> payload)
    {
        using FecReceiver fec = new(32, s_pool);
        FrameReader reader = new(payload, takesAckFrequency: true, takesFec: true);
        while (reader.TryRead(out Frame frame))
        {
            FrameRules.IsAllowed(frame, PacketType.ZeroRtt, EndpointRole.Client);
            if (frame.Kind == FrameKind.Ack)
            {
                long ranges = 0;
                for (AckFrame.RangeEnumerator e = frame.Ack.GetEnumerator(); e.MoveNext(); ranges++)
                {
                    // Each is checked where the frame was read; here all of them must be found again.
                }

                if (ranges != frame.Ack.RangeCount)
                {
                    throw new InvalidOperationException($"{ranges} ranges of {frame.Ack.RangeCount}");
                }
            }
            else if (frame.Kind == FrameKind.FecSource)
            {
                fec.Add(frame.FecSource.SourceId, frame.FecSource.Source);
            }
            else if (frame is { Kind: FrameKind.FecRepair, FecRepair.Count: <= 32 })
            {
                FecRepairFrame repair = frame.FecRepair;
                fec.AddRepair(repair.RepairId, repair.FirstSourceId, repair.Count, repair.Symbol);
                while (fec.TryTakeRebuilt(out _, out _, out _))
                {
                    // Nobody knows what it should be.
                }
            }
            else if (frame.Kind == FrameKind.NewConnectionId)
            {
                _ = frame.NewConnectionId.ConnectionId.GetHashCode();
            }
        }
    }

    private static void ReadDatagram(byte[] datagram)
    {
        ForgeryCount forgeries = new();
        using ApplicationKeys keys = new(forgeries);
        keys.SetOpeningSecret(CipherSuite.Aes128GcmSha256, QuicVersion.V1, s_secret);
        DatagramReader reader = new(datagram, s_id.Length, acceptsGreasedBit: true);
        while (reader.TryRead(out PacketHeader header, out Span<byte> packet))
        {
            if (header.Type == PacketType.Initial)
            {
                InitialKeys.Create(
                    header.Version, new ConnectionId(header.DestinationId), EndpointRole.Server, forgeries,
                    out PacketSealer sealer, out PacketOpener opener);
                if (opener.TryOpen(packet, header.PacketNumberOffset, 0, out OpenedPacket opened) == OpenStatus.Opened)
                {
                    ReadFrames(packet.Slice(opened.PayloadOffset, opened.PayloadLength));
                }

                sealer.Dispose();
                opener.Dispose();
            }
            else if (header.Type == PacketType.OneRtt)
            {
                keys.TryOpen(packet, header.PacketNumberOffset, 0, out _);
            }
            else if (header.Type == PacketType.Retry)
            {
                RetryPacket.IsIntact(packet, header.Version, s_id);
            }
        }
    }

    private static byte[] FrameSeed()
    {
        byte[] seed = new byte[500];

        // ACK with ECN counts: 5 to 899, and 1 to 2.
        ReadOnlySpan<byte> ack = [0x03, 0x43, 0x83, 0x0a, 0x01, 0x43, 0x7e, 0x01, 0x01, 0x01, 0x02, 0x03];
        ack.CopyTo(seed.AsSpan(1));
        int at = 1 + ack.Length;
        at += FrameWriter.Crypto(seed.AsSpan(at), 0, "hello"u8);
        at += FrameWriter.NewConnectionId(seed.AsSpan(at), 3, 2, s_id, new StatelessResetToken(new byte[16]));
        at += FrameWriter.ResetStream(seed.AsSpan(at), 4, 5, 600);
        at += FrameWriter.MaxStreams(seed.AsSpan(at), true, 70);
        at += FrameWriter.PathChallenge(seed.AsSpan(at), 8);
        at += FrameWriter.AckFrequency(seed.AsSpan(at), 0, 10, 25000, 3);
        at += FrameWriter.FecRecovered(seed.AsSpan(at), 300, 2);
        at += FrameWriter.FecSource(seed.AsSpan(at), 70);
        at += FrameWriter.ConnectionClose(seed.AsSpan(at), TransportErrorCode.InternalError, 6, "reason"u8);
        at += FrameWriter.Stream(seed.AsSpan(at), 4, 70, "data"u8, true, isLast: false);
        at += FrameWriter.FecRepairHeader(seed.AsSpan(at), 1, 69, 3);
        at += 20;
        return seed[..at];
    }

    private static byte[] DatagramSeed()
    {
        byte[] seed = new byte[1201];
        seed[0] = 1;
        Span<byte> packet = seed.AsSpan(1);
        InitialKeys.Create(
            QuicVersion.V1, s_id, EndpointRole.Client, new ForgeryCount(), out PacketSealer sealer, out PacketOpener opener);
        int payload = PacketHeaderWriter.WriteLong(packet, PacketType.Initial, QuicVersion.V1, true, s_id, s_id, "token"u8, 0, 2);
        PacketHeaderWriter.SetLength(packet, payload);
        FrameWriter.Crypto(packet[payload..], 0, "hello"u8);
        sealer.TrySeal(packet, payload, 0);
        sealer.ProtectHeader(packet, payload);
        sealer.Dispose();
        opener.Dispose();
        return seed;
    }

    private static byte[] ParameterSeed()
    {
        byte[] seed = new byte[300];
        seed[0] = 2;
        TransportParameters parameters = new()
        {
            MaxIdleTimeout = 30000,
            InitialMaxData = 1 << 20,
            MaxAckDelay = 20,
            MinAckDelay = 1000,
            GreaseQuicBit = true,
            InitialSourceConnectionId = s_id,
            VersionInformation = VersionInformation.Create(QuicVersion.V1, [QuicVersion.V1, QuicVersion.V2]),
        };
        return seed[..(1 + TransportParameterCodec.Write(seed.AsSpan(1), parameters, random: 77))];
    }
}
