namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Groups for the key exchange (RFC 8446, 4.2.7). The numbers are those on the wire.</summary>
internal enum NamedGroup : ushort
{
    /// <summary>None was negotiated yet.</summary>
    None = 0,

    /// <summary>secp256r1.</summary>
    Secp256r1 = 0x0017,

    /// <summary>secp384r1.</summary>
    Secp384r1 = 0x0018,

    /// <summary>x25519.</summary>
    X25519 = 0x001d,

    /// <summary>X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem, 4).</summary>
    X25519MLKem768 = 0x11ec,
}
