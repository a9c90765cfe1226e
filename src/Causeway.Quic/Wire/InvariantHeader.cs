namespace Causeway.Quic.Wire;

/// <summary>
/// What every version of QUIC has in common (RFC 8999): enough to find a connection, or to refuse a version.
/// </summary>
/// <remarks>Spans point into the datagram.</remarks>
internal ref struct InvariantHeader
{
    /// <summary>The first byte, of which only the highest bit is an invariant.</summary>
    public byte First { get; private set; }

    /// <summary>Whether it is a long header.</summary>
    public readonly bool IsLong => (First & HeaderBits.Long) != 0;

    /// <summary>Of a long header: the version; 0 in Version Negotiation.</summary>
    public uint Version { get; private set; }

    /// <summary>Up to 255 bytes in a long header; as many as the receiver issues in a short one.</summary>
    public ReadOnlySpan<byte> DestinationId { get; private set; }

    /// <summary>Of a long header: up to 255 bytes.</summary>
    public ReadOnlySpan<byte> SourceId { get; private set; }

    /// <summary>Bytes of all that; what the version defines follows.</summary>
    public int Length { get; private set; }

    /// <summary>Reads the start of a packet.</summary>
    /// <param name="packet">The packet, and what follows it in the datagram.</param>
    /// <param name="ownIdLength">
    /// Bytes of the connection ids that the receiver issues: a short header does not tell.
    /// </param>
    /// <param name="header">What was read.</param>
    public static bool TryRead(ReadOnlySpan<byte> packet, int ownIdLength, out InvariantHeader header)
    {
        header = default;
        WireReader reader = new(packet);
        if (!reader.TryReadByte(out byte first))
        {
            return false;
        }

        header.First = first;
        ReadOnlySpan<byte> destination;
        if ((first & HeaderBits.Long) == 0)
        {
            if (!reader.TryReadBytes(ownIdLength, out destination))
            {
                return false;
            }
        }
        else
        {
            if (!reader.TryReadUInt32(out uint version)
                || !reader.TryReadShortPrefixed(out destination)
                || !reader.TryReadShortPrefixed(out ReadOnlySpan<byte> source))
            {
                return false;
            }

            header.Version = version;
            header.SourceId = source;
        }

        header.DestinationId = destination;
        header.Length = reader.Offset;
        return true;
    }
}
