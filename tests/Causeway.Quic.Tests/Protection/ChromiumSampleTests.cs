using System.Buffers.Binary;
using Causeway.Protocol;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Protection;

/// <summary>What an endpoint that we did not write sends.</summary>
public sealed class ChromiumSampleTests
{
    [Fact]
    public void ItsFirstFlightIsReadDownToTheTransportParameters()
    {
        byte[] handshake = new byte[4096];
        RangeSet received = default;
        PacketOpener? opener = null;
        long largest = PacketNumber.None;
        foreach (string hex in (string[])[ChromiumSample.First, ChromiumSample.Second])
        {
            DatagramReader datagram = new(Convert.FromHexString(hex), ownIdLength: 8, acceptsGreasedBit: false);
            while (datagram.TryRead(out PacketHeader header, out Span<byte> packet))
            {
                Assert.Equal(PacketType.Initial, header.Type);
                if (opener is null)
                {
                    InitialKeys.Create(
                        header.Version, new ConnectionId(header.DestinationId), EndpointRole.Server, new ForgeryCount(),
                        out _, out opener);
                }

                Assert.Equal(
                    OpenStatus.Opened, opener.TryOpen(packet, header.PacketNumberOffset, largest, out OpenedPacket opened));
                largest = Math.Max(largest, opened.PacketNumber);
                FrameReader frames = new(packet.Slice(opened.PayloadOffset, opened.PayloadLength));
                while (frames.TryRead(out Frame frame))
                {
                    Assert.True(FrameRules.IsAllowed(frame, header.Type, EndpointRole.Client));
                    if (frame.Kind == FrameKind.Crypto)
                    {
                        frame.Crypto.Data.CopyTo(handshake.AsSpan((int)frame.Crypto.Offset));
                        received.Add(frame.Crypto.Offset, frame.Crypto.Offset + frame.Crypto.Data.Length);
                    }
                }

                Assert.Null(frames.Reason);
            }
        }

        // All of one ClientHello, without holes.
        Assert.Equal(2, largest);
        Assert.Equal(1, received.Count);
        int length = 4 + (int)(BinaryPrimitives.ReadUInt32BigEndian(handshake) & 0xff_ffff);
        Assert.Equal((1, new NumberRange(0, length)), (handshake[0], received[0]));

        TransportParameters parameters = new();
        Assert.True(
            TransportParameterCodec.TryRead(
                FindTransportParameters(handshake.AsSpan(0, length)), EndpointRole.Client, parameters, out string? error),
            error);
        Assert.Equal(ConnectionId.Empty, parameters.InitialSourceConnectionId);
        Assert.True(parameters.MaxUdpPayloadSize >= 1200);
        Assert.True(parameters.InitialMaxData > 0);
        Assert.True(parameters.InitialMaxStreamsBidirectional > 0);
        Assert.Equal(QuicVersion.V1, parameters.VersionInformation.Chosen);
        Assert.Contains(QuicVersion.V1, parameters.VersionInformation.Available.ToArray());
    }

    // ClientHello (RFC 8446, 4.1.2): version, random, session id, suites, compression methods, extensions.
    private static ReadOnlySpan<byte> FindTransportParameters(ReadOnlySpan<byte> hello)
    {
        WireReader reader = new(hello);
        Assert.True(reader.TryReadBytes(4 + 2 + 32, out _));
        Assert.True(reader.TryReadShortPrefixed(out _));
        Assert.True(reader.TryReadBytes(2, out ReadOnlySpan<byte> length));
        Assert.True(reader.TryReadBytes(BinaryPrimitives.ReadUInt16BigEndian(length), out _));
        Assert.True(reader.TryReadShortPrefixed(out _));
        Assert.True(reader.TryReadBytes(2, out length));
        Assert.Equal(BinaryPrimitives.ReadUInt16BigEndian(length), reader.Left);
        while (reader.TryReadUInt32(out uint typeAndLength))
        {
            Assert.True(reader.TryReadBytes(typeAndLength & 0xffff, out ReadOnlySpan<byte> value));
            if (typeAndLength >> 16 == 0x39)
            {
                return value;
            }
        }

        Assert.Fail("a ClientHello without quic_transport_parameters");
        return default;
    }
}
