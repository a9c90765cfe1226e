using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Wire;

public sealed class PacketHeaderTests
{
    private static readonly ConnectionId s_destination = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId s_source = new([9, 10, 11, 12, 13]);

    public static TheoryData<int, int, string> LongPackets()
    {
        TheoryData<int, int, string> data = [];
        foreach ((PacketType type, string first1, string first2) in
            ((PacketType, string, string)[])
            [
                (PacketType.Initial, "c1", "d1"), (PacketType.ZeroRtt, "d1", "e1"), (PacketType.Handshake, "e1", "f1"),
            ])
        {
            data.Add((int)type, 1, first1);
            data.Add((int)type, 2, first2);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(LongPackets))]
    public void LongHeadersAreWrittenAndRead(int typeNumber, int versionNumber, string first)
    {
        PacketType type = (PacketType)typeNumber;
        QuicVersion version = versionNumber == 1 ? QuicVersion.V1 : QuicVersion.V2;
        byte[] packet = new byte[100];
        int payload = PacketHeaderWriter.WriteLong(
            packet, type, version, true, s_destination, s_source, type == PacketType.Initial ? "abc"u8 : default, 0x1234, 2);
        Assert.Equal(
            payload, PacketHeaderWriter.LongLength(type, s_destination.Length, s_source.Length, 3, 2));
        PacketHeaderWriter.SetLength(packet, payload);
        Assert.Equal(first, Convert.ToHexStringLower(packet.AsSpan(0, 1)));
        Assert.Equal([0x12, 0x34], packet[(payload - 2)..payload]);

        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        Assert.Equal(type, header.Type);
        Assert.Equal(version, header.Version);
        Assert.True(header.IsProtected);
        Assert.True(s_destination.Equals(header.DestinationId));
        Assert.True(s_source.Equals(header.SourceId));
        Assert.Equal(type == PacketType.Initial ? "abc"u8.ToArray() : [], header.Token.ToArray());
        Assert.Equal(payload - 2, header.PacketNumberOffset);
        Assert.Equal(packet.Length, header.PacketLength);

        for (int room = 0; room < payload; room++)
        {
            Assert.Equal(
                0,
                PacketHeaderWriter.WriteLong(
                    new byte[room], type, version, true, s_destination, s_source,
                    type == PacketType.Initial ? "abc"u8 : default, 0x1234, 2));
        }
    }

    [Theory]
    [MemberData(nameof(LongPackets))]
    public void CutPacketsAreRefused(int typeNumber, int versionNumber, string first)
    {
        Assert.NotEmpty(first);
        byte[] packet = new byte[60];
        int payload = PacketHeaderWriter.WriteLong(
            packet, (PacketType)typeNumber, versionNumber == 1 ? QuicVersion.V1 : QuicVersion.V2, true, s_destination,
            s_source, default, 1, 1);
        PacketHeaderWriter.SetLength(packet, payload);
        for (int length = 0; length < packet.Length; length++)
        {
            Assert.False(PacketHeader.TryRead(packet.AsSpan(0, length), 8, false, out _));
        }
    }

    [Fact]
    public void ShortHeadersAreWrittenAndRead()
    {
        byte[] packet = new byte[40];
        int payload = PacketHeaderWriter.WriteShort(
            packet, HeaderBits.Fixed | HeaderBits.Spin | HeaderBits.KeyPhase, s_destination, 0xabcdef, 3);
        Assert.Equal(PacketHeaderWriter.ShortLength(8, 3), payload);
        Assert.Equal("660102030405060708abcdef", Convert.ToHexStringLower(packet.AsSpan(0, payload)));
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        Assert.Equal(PacketType.OneRtt, header.Type);
        Assert.True(s_destination.Equals(header.DestinationId));
        Assert.True(header.SourceId.IsEmpty);
        Assert.Equal(9, header.PacketNumberOffset);
        Assert.Equal(packet.Length, header.PacketLength);
        for (int length = 0; length < 9; length++)
        {
            Assert.False(PacketHeader.TryRead(packet.AsSpan(0, length), 8, false, out _));
        }
    }

    [Fact]
    public void AClearFixedBitIsForThoseWhoTakeIt()
    {
        byte[] packet = new byte[40];
        PacketHeaderWriter.WriteShort(packet, 0, s_destination, 1, 1);
        Assert.False(PacketHeader.TryRead(packet, 8, false, out _));
        Assert.True(PacketHeader.TryRead(packet, 8, true, out _));
        int payload = PacketHeaderWriter.WriteLong(
            packet, PacketType.Handshake, QuicVersion.V1, false, s_destination, s_source, default, 1, 1);
        PacketHeaderWriter.SetLength(packet, payload);
        Assert.Equal(0xa0, packet[0]);
        Assert.False(PacketHeader.TryRead(packet, 8, false, out _));
        Assert.True(PacketHeader.TryRead(packet, 8, true, out _));
    }

    [Fact]
    public void OfAnUnknownVersionOnlyTheInvariantsAreRead()
    {
        // Connection ids of 255 bytes are right in versions to come (RFC 8999, 5.1).
        byte[] packet = new byte[5 + 256 + 256 + 10];
        packet[0] = 0x80;
        packet[1] = 0xfa;
        packet[5] = 255;
        packet[5 + 256] = 255;
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        Assert.Equal(PacketType.OtherVersion, header.Type);
        Assert.False(header.IsProtected);
        Assert.Equal(255, header.DestinationId.Length);
        Assert.Equal(255, header.SourceId.Length);
        Assert.Equal(packet.Length, header.PacketLength);
        Assert.False(PacketHeader.TryRead(packet.AsSpan(0, 5 + 256 + 255), 8, false, out _));
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public void ConnectionIdsOfMoreThanTwentyBytesAreRefused(int at)
    {
        // At 5 the destination id is too long, at 6, behind an empty one, the source id.
        byte[] packet = new byte[100];
        PacketHeaderWriter.WriteLong(packet, PacketType.Handshake, QuicVersion.V1, true, default, default, default, 1, 1);
        packet[at] = 20;
        Assert.True(PacketHeader.TryRead(packet, 8, false, out _));
        packet[at] = 21;
        Assert.False(PacketHeader.TryRead(packet, 8, false, out _));
    }

    [Fact]
    public void VersionNegotiationIsWrittenAndRead()
    {
        byte[] trigger = new byte[100];
        trigger[0] = 0xc0;
        trigger[1] = 0x12;
        trigger[5] = 3;
        trigger[6] = 0xaa;
        trigger[9] = 2;
        trigger[10] = 0xbb;
        Assert.True(InvariantHeader.TryRead(trigger, 8, out InvariantHeader received));
        byte[] packet = new byte[100];
        int length = VersionNegotiationPacket.Write(
            packet, received, [QuicVersion.V2, QuicVersion.V1], 0x1234_5678_0000_0000);
        Assert.Equal("c000000000" + "02bb00" + "03aa0000" + "1a3a5a7a" + "6b3343cf" + "00000001", Convert.ToHexStringLower(packet.AsSpan(0, length)));

        Assert.True(PacketHeader.TryRead(packet.AsSpan(0, length), 8, false, out PacketHeader header));
        Assert.Equal(PacketType.VersionNegotiation, header.Type);
        Assert.False(header.IsProtected);
        Assert.Equal(12, header.Token.Length);
        Assert.True(VersionNegotiationPacket.Contains(header.Token, QuicVersion.V1));
        Assert.True(VersionNegotiationPacket.Contains(header.Token, QuicVersion.V2));
        Assert.True(VersionNegotiationPacket.Contains(header.Token, (QuicVersion)0x1a3a5a7a));
        Assert.False(VersionNegotiationPacket.Contains(header.Token, (QuicVersion)2));
        Assert.True(VersionNegotiationPacket.IsReserved(0x1a3a5a7a));
        Assert.False(VersionNegotiationPacket.IsReserved((uint)QuicVersion.V2));
        Assert.Equal(0, VersionNegotiationPacket.Write(packet.AsSpan(0, length - 1), received, [QuicVersion.V2, QuicVersion.V1], 0));

        // Half a version, or none at all.
        Assert.False(PacketHeader.TryRead(packet.AsSpan(0, length - 1), 8, false, out _));
        Assert.False(PacketHeader.TryRead(packet.AsSpan(0, length - 12), 8, false, out _));
    }

    [Fact]
    public void ARetryWithoutATokenIsRefused()
    {
        byte[] packet = new byte[7 + 1 + RetryPacket.IntegrityTagLength];
        packet[0] = 0xf0;
        packet[4] = 1;
        Assert.True(PacketHeader.TryRead(packet, 8, false, out PacketHeader header));
        Assert.Equal(PacketType.Retry, header.Type);
        Assert.Equal(1, header.Token.Length);
        Assert.Equal(RetryPacket.IntegrityTagLength, header.IntegrityTag.Length);
        Assert.False(PacketHeader.TryRead(packet.AsSpan(1), 8, false, out _));
        Assert.False(PacketHeader.TryRead(packet.AsSpan(0, packet.Length - 1), 8, false, out _));
    }

    [Fact]
    public void DatagramsAreSplitIntoPackets()
    {
        byte[] datagram = new byte[150];
        Append(datagram, 0, 50, PacketType.Initial, s_destination);
        Append(datagram, 50, 40, PacketType.Handshake, s_destination);
        PacketHeaderWriter.WriteShort(datagram.AsSpan(90), HeaderBits.Fixed, s_destination, 1, 1);

        DatagramReader reader = new(datagram, 8, false);
        Assert.True(reader.TryRead(out PacketHeader header, out Span<byte> packet));
        Assert.Equal((PacketType.Initial, 50), (header.Type, packet.Length));
        Assert.True(reader.TryRead(out header, out packet));
        Assert.Equal((PacketType.Handshake, 40), (header.Type, packet.Length));
        Assert.True(reader.TryRead(out header, out packet));
        Assert.Equal((PacketType.OneRtt, 60), (header.Type, packet.Length));
        Assert.Equal(0, reader.Left);
        Assert.False(reader.TryRead(out _, out _));
    }

    [Fact]
    public void PacketsOfAnotherConnectionEndADatagram()
    {
        byte[] datagram = new byte[100];
        Append(datagram, 0, 50, PacketType.Initial, s_destination);
        Append(datagram, 50, 50, PacketType.Handshake, s_source);
        DatagramReader reader = new(datagram, 8, false);
        Assert.True(reader.TryRead(out _, out _));
        Assert.False(reader.TryRead(out _, out _));
        Assert.Equal(50, reader.Left);
    }

    [Fact]
    public void ZerosBehindAPacketEndADatagram()
    {
        // Some pad behind the packet rather than in it.
        byte[] datagram = new byte[100];
        Append(datagram, 0, 50, PacketType.Initial, s_destination);
        DatagramReader reader = new(datagram, 8, false);
        Assert.True(reader.TryRead(out _, out Span<byte> packet));
        Assert.Equal(50, packet.Length);
        Assert.False(reader.TryRead(out _, out _));
    }

    private static void Append(byte[] datagram, int start, int length, PacketType type, ConnectionId destination)
    {
        Span<byte> packet = datagram.AsSpan(start, length);
        int payload = PacketHeaderWriter.WriteLong(packet, type, QuicVersion.V1, true, destination, s_source, default, 1, 1);
        PacketHeaderWriter.SetLength(packet, payload);
    }
}
