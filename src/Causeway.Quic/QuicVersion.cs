namespace Causeway.Quic;

/// <summary>A version of QUIC. The numbers are those on the wire.</summary>
internal enum QuicVersion : uint
{
    /// <summary>In the version field of a Version Negotiation packet (RFC 9000, 17.2.1).</summary>
    Negotiation = 0,

    /// <summary>RFC 9000.</summary>
    V1 = 0x00000001,

    /// <summary>RFC 9369.</summary>
    V2 = 0x6b3343cf,
}
