using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>Where a client got its token from.</summary>
internal enum AddressTokenKind : byte
{
    /// <summary>
    /// A Retry packet (RFC 9000, 8.1.2): for the same connection attempt, from the same address and port.
    /// </summary>
    Retry = 0,

    /// <summary>A NEW_TOKEN frame (RFC 9000, 8.1.3): for a later connection from the same address.</summary>
    NewToken = 1,
}

/// <summary>What a token is worth.</summary>
internal enum AddressTokenStatus
{
    /// <summary>The address is validated.</summary>
    Valid,

    /// <summary>It is one of ours for this address, but too old.</summary>
    Expired,

    /// <summary>It is not ours, or for another address, version or connection.</summary>
    Foreign,
}

/// <summary>A token that a client brought.</summary>
/// <param name="Status">What it is worth.</param>
/// <param name="Kind">
/// Where it is from, if it looks like one of ours. A Retry token that is not valid ends the attempt with INVALID_TOKEN,
/// one of NEW_TOKEN is as good as none (RFC 9000, 8.1.3).
/// </param>
/// <param name="OriginalDestinationId">
/// Of a valid Retry token: the destination connection id of the client's first Initial packet.
/// </param>
internal readonly record struct AddressToken(
    AddressTokenStatus Status, AddressTokenKind Kind, ConnectionId OriginalDestinationId);
