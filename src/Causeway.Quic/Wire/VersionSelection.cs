namespace Causeway.Quic.Wire;

/// <summary>
/// Chooses versions (RFC 9368). The versions that are known here, 1 and 2, are compatible with each other (RFC 9369,
/// 4).
/// </summary>
internal static class VersionSelection
{
    /// <summary>What a client tries after a Version Negotiation packet: the first of its own that is listed.</summary>
    /// <param name="supported">The client's versions, by preference.</param>
    /// <param name="listed">What the server listed, four bytes each.</param>
    /// <returns><see cref="QuicVersion.Negotiation"/> if they have none in common.</returns>
    public static QuicVersion SelectFrom(ReadOnlySpan<QuicVersion> supported, ReadOnlySpan<byte> listed)
    {
        foreach (QuicVersion version in supported)
        {
            if (VersionNegotiationPacket.Contains(listed, version))
            {
                return version;
            }
        }

        return QuicVersion.Negotiation;
    }

    /// <summary>
    /// The negotiated version that a server chooses (RFC 9368, 2.3): the first of its own that the client offers.
    /// </summary>
    /// <param name="supported">The server's versions, by preference.</param>
    /// <param name="original">The version of the client's first packet, which the server speaks.</param>
    /// <param name="client">What the client sent; not there if it knows nothing of this.</param>
    public static QuicVersion SelectCompatible(
        ReadOnlySpan<QuicVersion> supported, QuicVersion original, in VersionInformation client)
    {
        foreach (QuicVersion version in supported)
        {
            if (client.Available.Contains(version))
            {
                return version;
            }
        }

        return original;
    }

    /// <summary>
    /// Whether a server may go on with what a client says (RFC 9368, 4); if not: VERSION_NEGOTIATION_ERROR.
    /// </summary>
    /// <param name="original">The version of the client's first packet.</param>
    /// <param name="client">What the client sent.</param>
    public static bool IsClientRight(QuicVersion original, in VersionInformation client) =>
        !client.IsPresent || client.Chosen == original;

    /// <summary>
    /// Whether a client may go on with what a server says (RFC 9368, 4); if not: VERSION_NEGOTIATION_ERROR.
    /// </summary>
    /// <param name="supported">The client's versions, by preference; what it lists as available.</param>
    /// <param name="original">The version of the client's first packet of this attempt.</param>
    /// <param name="negotiated">The version of the server's long headers.</param>
    /// <param name="reactsToNegotiation">Whether this attempt follows a Version Negotiation packet.</param>
    /// <param name="server">What the server sent.</param>
    public static bool IsServerRight(
        ReadOnlySpan<QuicVersion> supported,
        QuicVersion original,
        QuicVersion negotiated,
        bool reactsToNegotiation,
        in VersionInformation server)
    {
        if (!server.IsPresent)
        {
            // RFC 9368, 8: a server of v1 may know nothing of this, and then counts as one that speaks v1 alone.
            return negotiated == original && (!reactsToNegotiation || original == QuicVersion.V1);
        }

        if (server.Chosen != negotiated || (negotiated != original && !supported.Contains(negotiated)))
        {
            return false;
        }

        if (!reactsToNegotiation)
        {
            return true;
        }

        // Had the client known what the server has, it would have tried the same version: else somebody hid a better
        // one.
        foreach (QuicVersion version in supported)
        {
            if (server.Available.Contains(version) || version == negotiated)
            {
                return !server.Available.IsEmpty && version == original;
            }
        }

        return false;
    }
}
