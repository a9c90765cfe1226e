using System.Buffers.Binary;

namespace Causeway.Quic.Wire;

/// <summary>Version Negotiation packets (RFC 8999, 6; RFC 9000, 17.2.1).</summary>
internal static class VersionNegotiationPacket
{
    /// <summary>
    /// Writes the answer to a packet of a version that is not spoken here, with a reserved version among those that
    /// are, so that clients do not come to choke on unknown ones (RFC 9000, 6.3).
    /// </summary>
    /// <param name="destination">Where to.</param>
    /// <param name="received">The header of the packet that is answered, whose connection ids change places.</param>
    /// <param name="versions">The versions that are spoken here.</param>
    /// <param name="random">Random bits: for the unused bits and the reserved version.</param>
    /// <returns>The length; 0 if there is no room.</returns>
    public static int Write(
        Span<byte> destination, in InvariantHeader received, ReadOnlySpan<QuicVersion> versions, ulong random)
    {
        WireWriter writer = new(destination);

        // The fixed bit is set, so that others who share the port can tell QUIC by it (RFC 9000, 17.2.1).
        writer.Byte((byte)(HeaderBits.Long | HeaderBits.Fixed | (random & 0x3f)));
        writer.UInt32((uint)QuicVersion.Negotiation);
        writer.ShortPrefixed(received.SourceId);
        writer.ShortPrefixed(received.DestinationId);
        writer.UInt32(ReservedVersion((uint)(random >> 32)));
        foreach (QuicVersion version in versions)
        {
            writer.UInt32((uint)version);
        }

        return writer.Length;
    }

    /// <summary>A version of the form 0x?a?a?a?a, which nobody will ever speak (RFC 9000, 15).</summary>
    public static uint ReservedVersion(uint random) => (random & 0xf0f0f0f0) | 0x0a0a0a0a;

    /// <summary>Whether a version is of that form.</summary>
    public static bool IsReserved(uint version) => (version & 0x0f0f0f0f) == 0x0a0a0a0a;

    /// <summary>Whether a list of versions, four bytes each, has one.</summary>
    public static bool Contains(ReadOnlySpan<byte> versions, QuicVersion version)
    {
        for (; versions.Length >= sizeof(uint); versions = versions[sizeof(uint)..])
        {
            if (BinaryPrimitives.ReadUInt32BigEndian(versions) == (uint)version)
            {
                return true;
            }
        }

        return false;
    }
}
