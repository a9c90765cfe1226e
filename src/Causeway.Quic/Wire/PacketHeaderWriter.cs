using System.Diagnostics;

namespace Causeway.Quic.Wire;

/// <summary>Writes the headers of packets that are to be protected (RFC 9000, 17.2 and 17.3).</summary>
internal static class PacketHeaderWriter
{
    /// <summary>
    /// Bytes of the Length field of a long header: two, because it is filled in when the packet is complete.
    /// </summary>
    public const int LengthFieldLength = 2;

    /// <summary>Bytes of a short header with its packet number.</summary>
    public static int ShortLength(int destinationIdLength, int packetNumberLength) =>
        1 + destinationIdLength + packetNumberLength;

    /// <summary>Bytes of a long header with its packet number.</summary>
    public static int LongLength(
        PacketType type, int destinationIdLength, int sourceIdLength, int tokenLength, int packetNumberLength) =>
        1 + sizeof(uint) + 1 + destinationIdLength + 1 + sourceIdLength
        + (type == PacketType.Initial ? VarInt.Length(tokenLength) + tokenLength : 0)
        + LengthFieldLength + packetNumberLength;

    /// <summary>Writes the header of a 1-RTT packet.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="flags">
    /// <see cref="HeaderBits.Fixed"/>, <see cref="HeaderBits.Spin"/> and <see cref="HeaderBits.KeyPhase"/>.
    /// </param>
    /// <param name="destinationId">The peer's connection id.</param>
    /// <param name="packetNumber">The packet number.</param>
    /// <param name="packetNumberLength">How many bytes of it.</param>
    /// <returns>Where the payload begins; 0 if there is no room. The packet number ends there.</returns>
    public static int WriteShort(
        Span<byte> destination, byte flags, in ConnectionId destinationId, long packetNumber, int packetNumberLength)
    {
        Debug.Assert(
            (flags & ~(HeaderBits.Fixed | HeaderBits.Spin | HeaderBits.KeyPhase)) == 0, "those bits are not the caller's");
        int idLength = destinationId.Length;
        int length = ShortLength(idLength, packetNumberLength);
        if (destination.Length < length)
        {
            return 0;
        }

        destination[0] = (byte)(flags | (packetNumberLength - 1));
        destinationId.Span.CopyTo(destination[1..]);
        PacketNumber.Write(destination[(1 + idLength)..], packetNumber, packetNumberLength);
        return length;
    }

    /// <summary>
    /// Writes the header of an Initial, 0-RTT or Handshake packet, whose length is set by <see cref="SetLength"/>.
    /// </summary>
    /// <param name="destination">Where to.</param>
    /// <param name="type">The type.</param>
    /// <param name="version">The version.</param>
    /// <param name="setsFixedBit">False to grease the bit, where the peer allows that (RFC 9287).</param>
    /// <param name="destinationId">The peer's connection id.</param>
    /// <param name="sourceId">Our connection id.</param>
    /// <param name="token">Of an Initial packet: the token; else empty.</param>
    /// <param name="packetNumber">The packet number.</param>
    /// <param name="packetNumberLength">How many bytes of it.</param>
    /// <returns>Where the payload begins; 0 if there is no room. The packet number ends there.</returns>
    public static int WriteLong(
        Span<byte> destination,
        PacketType type,
        QuicVersion version,
        bool setsFixedBit,
        in ConnectionId destinationId,
        in ConnectionId sourceId,
        ReadOnlySpan<byte> token,
        long packetNumber,
        int packetNumberLength)
    {
        Debug.Assert(type <= PacketType.Handshake, "it has a packet number");
        WireWriter writer = new(destination);
        writer.Byte((byte)(
            HeaderBits.Long | (setsFixedBit ? HeaderBits.Fixed : 0) | HeaderBits.WriteType(type, version)
            | (packetNumberLength - 1)));
        writer.UInt32((uint)version);
        writer.ShortPrefixed(destinationId.Span);
        writer.ShortPrefixed(sourceId.Span);
        if (type == PacketType.Initial)
        {
            writer.Prefixed(token);
        }

        int lengthOffset = writer.Length;
        if (lengthOffset == 0 || writer.Left < LengthFieldLength + packetNumberLength)
        {
            return 0;
        }

        VarInt.Write(destination[lengthOffset..], packetNumberLength, LengthFieldLength);
        int packetNumberOffset = lengthOffset + LengthFieldLength;
        PacketNumber.Write(destination[packetNumberOffset..], packetNumber, packetNumberLength);
        return packetNumberOffset + packetNumberLength;
    }

    /// <summary>Fills the Length field of a long header in.</summary>
    /// <param name="packet">The packet, from its first byte to the end of its tag.</param>
    /// <param name="payloadOffset">What <see cref="WriteLong"/> returned.</param>
    public static void SetLength(Span<byte> packet, int payloadOffset)
    {
        int packetNumberOffset = payloadOffset - 1 - (packet[0] & HeaderBits.PacketNumberLength);
        int length = packet.Length - packetNumberOffset;
        Debug.Assert(length <= VarInt.MaxTwoByteValue, "a packet with a long header is short");
        VarInt.Write(packet[(packetNumberOffset - LengthFieldLength)..], length, LengthFieldLength);
    }
}
