using Causeway.Protocol;
using Causeway.Quic.Tests.Protection;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Wire;

/// <summary>Whatever a stranger sends: the parsers neither throw nor allocate, and what they read is within its bounds.</summary>
public sealed class HostileInputTests
{
    private const int Inputs = 100_000;
    private const int Passes = 5;

    private static readonly TransportParameters s_parameters = new();

    [Fact]
    public void MutatedFramesNeitherThrowNorAllocate() =>
        AssertHarmless([.. Samples.Frames.Select(static frame => frame.Bytes), RfcSamples.ClientPayload()], 21, ReadFrames);

    [Fact]
    public void MutatedFramesAreWrongInEveryWay()
    {
        HashSet<string> reasons = [];
        HashSet<FrameKind> kinds = [];
        Mutator.Run(
            [.. Samples.Frames.Select(static frame => frame.Bytes)], Inputs, 24,
            input =>
            {
                FrameReader reader = new(input, takesAckFrequency: true, takesFec: true);
                while (reader.TryRead(out Frame frame))
                {
                    kinds.Add(frame.Kind);
                }

                reasons.Add(reader.Reason ?? "nothing");
            });

        // If the parser learns another reason, so must this number: what no mutation reaches is not tested by them.
        Assert.Equal(17, reasons.Count);
        Assert.Equal(Enum.GetValues<FrameKind>().Length, kinds.Count);
    }

    [Fact]
    public void MutatedDatagramsNeitherThrowNorAllocate() =>
        AssertHarmless(
            [
                Convert.FromHexString(RfcSamples.ClientPacketV1), Convert.FromHexString(RfcSamples.ClientPacketV2),
                Convert.FromHexString(RfcSamples.ServerPacketV1 + RfcSamples.ShortHeaderPacketV1),
                Convert.FromHexString(RfcSamples.RetryPacketV1), Convert.FromHexString(RfcSamples.RetryPacketV2),
                Convert.FromHexString("c000000000" + "02bb00" + "03aa0000" + "1a3a5a7a" + "6b3343cf" + "00000001"),
                Convert.FromHexString("c01234567802bb0003aa0000ffffffff"),
            ],
            22,
            ReadDatagram);

    [Fact]
    public void MutatedTransportParametersNeitherThrowNorAllocate()
    {
        byte[] encoded = new byte[500];
        int length = TransportParameterCodec.Write(encoded, Samples.ServerParameters(), random: 12345);
        byte[] server = encoded[..length];
        TransportParameters client = Samples.ServerParameters();
        client.OriginalDestinationConnectionId = null;
        client.RetrySourceConnectionId = null;
        client.PreferredAddress = null;
        client.StatelessResetToken = null;
        length = TransportParameterCodec.Write(encoded, client, random: null);
        AssertHarmless([server, encoded[..length]], 23, ReadParameters);
    }

    [Fact]
    public void ManyParametersThatNobodyKnowsAreReadQuickly()
    {
        // 30,000 of two bytes each: comparing all of them with each other would take seconds.
        byte[] encoded = new byte[60_000];
        for (int i = 0; i < encoded.Length; i += 2)
        {
            encoded[i] = (byte)(0x30 + (i % 15));
        }

        Assert.False(TransportParameterCodec.TryRead(encoded, EndpointRole.Client, s_parameters, out string? error));
        Assert.Contains("twice", error, StringComparison.Ordinal);
    }

    /// <summary>Reads all frames and touches everything in them.</summary>
    internal static void ReadFrames(ReadOnlySpan<byte> input)
    {
        FrameReader reader = new(input, takesAckFrequency: true, takesFec: true);
        int read = 0;
        while (reader.TryRead(out Frame frame))
        {
            read++;
            FrameRules.IsAllowed(frame, PacketType.OneRtt, EndpointRole.Client);
            switch (frame.Kind)
            {
                case FrameKind.Ack:
                    long ranges = 0;
                    long end = frame.Ack.Largest + 2;
                    foreach (NumberRange range in frame.Ack)
                    {
                        ranges++;
                        Check(range.Start >= 0 && range.End > range.Start && range.End < end, "ranges descend");
                        end = range.Start;
                    }

                    Check(ranges == frame.Ack.RangeCount, "all ranges are read");
                    Check(frame.Ack.Ecn.Ect0 >= 0 && frame.Ack.Delay(20) >= 0, "counts and delays are not negative");
                    break;
                case FrameKind.Crypto:
                    Check(frame.Crypto.Offset + frame.Crypto.Data.Length is >= 0 and <= VarInt.MaxValue, "offsets are bounded");
                    break;
                case FrameKind.Stream:
                    Check(frame.Stream.Offset + frame.Stream.Data.Length is >= 0 and <= VarInt.MaxValue, "offsets are bounded");
                    break;
                case FrameKind.NewConnectionId:
                    Check(
                        frame.NewConnectionId.RetirePriorTo <= frame.NewConnectionId.SequenceNumber
                        && frame.NewConnectionId.ConnectionId.Length is >= 1 and <= 20, "connection ids are right");
                    break;
                case FrameKind.MaxStreams or FrameKind.StreamsBlocked:
                    Check(frame.StreamCount.Limit is >= 0 and <= 1L << 60, "streams are bounded");
                    break;
                case FrameKind.ConnectionClose:
                    Check(frame.ConnectionClose.Reason.Length <= input.Length, "the reason is in the packet");
                    break;
                case FrameKind.FecRepair:
                    FecRepairFrame repair = frame.FecRepair;
                    Check(repair.Count is >= 1 and <= FecLimits.MostWindow && repair.FirstSourceId >= 0, "windows are bounded");
                    Check(repair.Symbol.Length >= FecLimits.LeastSymbol, "symbols are long enough");
                    break;
                case FrameKind.FecRecovered:
                    Check(frame.FecRecovered.Count is >= 1 and <= FecLimits.MostWindow, "runs are bounded");
                    break;
                case FrameKind.AckFrequency:
                    Check(frame.AckFrequency.RequestedMaxAckDelay is >= 0 and < 1000L << 14, "delays are bounded");
                    break;
            }
        }

        Check(reader.Error == TransportErrorCode.NoError ? read > 0 : reader.Reason is not null, "a reason is given");
    }

    /// <summary>Reads all packets of a datagram.</summary>
    internal static void ReadDatagram(ReadOnlySpan<byte> input)
    {
        Span<byte> datagram = stackalloc byte[input.Length];
        input.CopyTo(datagram);
        StatelessReset.TryGetToken(datagram, out _);
        DatagramReader reader = new(datagram, ownIdLength: 8, acceptsGreasedBit: (input.Length & 1) == 0);
        int left = reader.Left;
        while (reader.TryRead(out PacketHeader header, out Span<byte> packet))
        {
            Check(packet.Length > 0 && reader.Left == left - packet.Length, "packets are not empty");
            left = reader.Left;
            Check(
                !header.IsProtected || (header.PacketNumberOffset > 0 && header.PacketNumberOffset <= packet.Length),
                "the packet number is in the packet");
            Check(
                header.Type is PacketType.OtherVersion or PacketType.VersionNegotiation
                || (header.DestinationId.Length <= 20 && header.SourceId.Length <= 20), "connection ids are short");
        }
    }

    /// <summary>Reads transport parameters of both roles.</summary>
    internal static void ReadParameters(ReadOnlySpan<byte> input)
    {
        ReadParameters(input, EndpointRole.Client);
        ReadParameters(input, EndpointRole.Server);
    }

    private static void ReadParameters(ReadOnlySpan<byte> input, EndpointRole sender)
    {
        bool read = TransportParameterCodec.TryRead(input, sender, s_parameters, out string? error);
        Check(read == (error is null), "what is refused has a reason");
        Check(
            !read || (s_parameters.AckDelayExponent is >= 0 and <= 20 && s_parameters.MaxAckDelay is >= 0 and < 1 << 14
                && s_parameters.ActiveConnectionIdLimit >= 2 && s_parameters.MaxUdpPayloadSize >= 1200),
            "values are in their ranges");
    }

    private static void Check(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException(what);
        }
    }

    private static void AssertHarmless(IReadOnlyList<byte[]> corpus, ulong seed, FuzzAction read)
    {
        Mutator.Run(corpus, Inputs, seed, read);
        byte[][] inputs = [.. Enumerable.Range(0, 2000).Select(i => Mutator.Reproduce(corpus, seed, i))];

        // A collection on another thread counts what was left of this thread's share: the least of several passes is right.
        long allocated = long.MaxValue;
        for (int pass = 0; pass < Passes; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (byte[] input in inputs)
            {
                read(input);
            }

            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, allocated);
    }
}
