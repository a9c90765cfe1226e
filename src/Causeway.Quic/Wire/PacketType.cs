namespace Causeway.Quic.Wire;

/// <summary>
/// What a packet is (RFC 9000, 17). The numbers are ours: the wire's differ between versions (RFC 9369, 3.2).
/// </summary>
internal enum PacketType : byte
{
    /// <summary>Opens a connection (RFC 9000, 17.2.2).</summary>
    Initial,

    /// <summary>Early data of a client (RFC 9000, 17.2.3).</summary>
    ZeroRtt,

    /// <summary>The rest of the handshake (RFC 9000, 17.2.4).</summary>
    Handshake,

    /// <summary>A server asks a client to prove its address (RFC 9000, 17.2.5).</summary>
    Retry,

    /// <summary>A server lists its versions (RFC 9000, 17.2.1).</summary>
    VersionNegotiation,

    /// <summary>The one with the short header (RFC 9000, 17.3.1).</summary>
    OneRtt,

    /// <summary>
    /// A long header of a version that is not known: no more than its invariants is read (RFC 8999, 5.1).
    /// </summary>
    OtherVersion,
}
