
namespace Causeway.Quic.Wire;

/// <summary>
/// The header of one packet as it is before its protection is removed (RFC 9000, 17; RFC 9369): where it ends, whose it
/// is, and where its packet number begins.
/// </summary>
/// <remarks>Spans point into the datagram.</remarks>
internal ref struct PacketHeader
{
    /// <summary>What the packet is.</summary>
    public PacketType Type { get; private set; }

    /// <summary>The first byte. Its lowest bits are protected, except in Retry and Version Negotiation.</summary>
    public byte First { get; private set; }

    /// <summary>
    /// Of a long header: its version, which is not known if <see cref="Type"/> is
    /// <see cref="PacketType.OtherVersion"/>.
    /// </summary>
    public QuicVersion Version { get; private set; }

    /// <summary>The connection id of the receiver; longer than 20 bytes only where the version is not known.</summary>
    public ReadOnlySpan<byte> DestinationId { get; private set; }

    /// <summary>Of a long header: the connection id of the sender.</summary>
    public ReadOnlySpan<byte> SourceId { get; private set; }

    /// <summary>Of Initial and Retry: the token. Of Version Negotiation: the versions.</summary>
    public ReadOnlySpan<byte> Token { get; private set; }

    /// <summary>Of Retry: the integrity tag, which nobody has checked yet.</summary>
    public ReadOnlySpan<byte> IntegrityTag { get; private set; }

    /// <summary>Of a packet that is protected: where its packet number begins.</summary>
    public int PacketNumberOffset { get; private set; }

    /// <summary>Bytes of the packet. Another one may follow in the datagram.</summary>
    public int PacketLength { get; private set; }

    /// <summary>Whether the packet has a packet number and is protected.</summary>
    public readonly bool IsProtected =>
        Type is PacketType.Initial or PacketType.ZeroRtt or PacketType.Handshake or PacketType.OneRtt;

    /// <summary>Of a packet that is protected: the keys that open it.</summary>
    public readonly EncryptionLevel Level => Type switch
    {
        PacketType.Initial => EncryptionLevel.Initial,
        PacketType.ZeroRtt => EncryptionLevel.EarlyData,
        PacketType.Handshake => EncryptionLevel.Handshake,
        _ => EncryptionLevel.Application,
    };

    /// <summary>
    /// Reads the header of the packet that a span begins with. What does not parse is dropped without an answer.
    /// </summary>
    /// <param name="datagram">The packet, and what follows it in the datagram.</param>
    /// <param name="ownIdLength">
    /// Bytes of the connection ids that the receiver issues: a short header does not tell.
    /// </param>
    /// <param name="acceptsGreasedBit">Whether the receiver said that the fixed bit may be clear (RFC 9287).</param>
    /// <param name="header">What was read.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> datagram, int ownIdLength, bool acceptsGreasedBit, out PacketHeader header)
    {
        header = default;
        if (!InvariantHeader.TryRead(datagram, ownIdLength, out InvariantHeader invariants))
        {
            return false;
        }

        header.First = invariants.First;
        header.Version = (QuicVersion)invariants.Version;
        header.DestinationId = invariants.DestinationId;
        header.SourceId = invariants.SourceId;
        header.PacketLength = datagram.Length;
        bool isFixedBitRight = acceptsGreasedBit || (invariants.First & HeaderBits.Fixed) != 0;
        if (!invariants.IsLong)
        {
            header.Type = PacketType.OneRtt;
            header.PacketNumberOffset = invariants.Length;
            return isFixedBitRight;
        }

        switch (header.Version)
        {
            case QuicVersion.Negotiation:
                // Its ids may be of any length, and the fixed bit of any value (RFC 9000, 17.2.1).
                header.Type = PacketType.VersionNegotiation;
                header.Token = datagram[invariants.Length..];
                return header.Token.Length % sizeof(uint) == 0 && !header.Token.IsEmpty;
            case QuicVersion.V1:
            case QuicVersion.V2:
                return isFixedBitRight && header.TryReadLong(datagram, invariants.Length);
            default:
                header.Type = PacketType.OtherVersion;
                return true;
        }
    }

    private bool TryReadLong(ReadOnlySpan<byte> datagram, int offset)
    {
        if (DestinationId.Length > ConnectionId.MaxLength || SourceId.Length > ConnectionId.MaxLength)
        {
            return false;
        }

        Type = HeaderBits.ReadType(First, Version);
        if (Type == PacketType.Retry)
        {
            // It ends with the datagram. A token of no bytes is one to discard (RFC 9000, 17.2.5.2).
            int tokenLength = datagram.Length - offset - RetryPacket.IntegrityTagLength;
            if (tokenLength <= 0)
            {
                return false;
            }

            Token = datagram.Slice(offset, tokenLength);
            IntegrityTag = datagram[^RetryPacket.IntegrityTagLength..];
            return true;
        }

        WireReader reader = new(datagram[offset..]);
        if (Type == PacketType.Initial)
        {
            if (!reader.TryReadPrefixed(out ReadOnlySpan<byte> token))
            {
                return false;
            }

            Token = token;
        }

        if (!reader.TryReadVarInt(out long length) || length > reader.Left)
        {
            return false;
        }

        PacketNumberOffset = offset + reader.Offset;
        PacketLength = PacketNumberOffset + (int)length;
        return true;
    }
}
