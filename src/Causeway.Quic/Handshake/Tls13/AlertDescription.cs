namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Alerts (RFC 8446, 6). The numbers are those on the wire; QUIC adds them to 0x0100 (RFC 9001, 4.8).
/// </summary>
internal enum AlertDescription : byte
{
    /// <summary>No alert.</summary>
    CloseNotify = 0,

    /// <summary>A message that may not come now.</summary>
    UnexpectedMessage = 10,

    /// <summary>No acceptable set of parameters.</summary>
    HandshakeFailure = 40,

    /// <summary>A certificate that does not parse or whose signature is wrong.</summary>
    BadCertificate = 42,

    /// <summary>A certificate of a type that is not supported.</summary>
    UnsupportedCertificate = 43,

    /// <summary>A certificate that its signer revoked.</summary>
    CertificateRevoked = 44,

    /// <summary>A certificate that expired or is not yet valid.</summary>
    CertificateExpired = 45,

    /// <summary>A certificate that is unacceptable for another reason.</summary>
    CertificateUnknown = 46,

    /// <summary>A field that is out of range or contradicts others.</summary>
    IllegalParameter = 47,

    /// <summary>A chain whose authority is not trusted.</summary>
    UnknownCa = 48,

    /// <summary>A valid certificate or PSK that access control refuses.</summary>
    AccessDenied = 49,

    /// <summary>A message that does not parse.</summary>
    DecodeError = 50,

    /// <summary>A signature, a Finished message or a PSK binder that does not verify.</summary>
    DecryptError = 51,

    /// <summary>A protocol version that is not supported.</summary>
    ProtocolVersion = 70,

    /// <summary>A fault of this endpoint.</summary>
    InternalError = 80,

    /// <summary>A mandatory extension is missing.</summary>
    MissingExtension = 109,

    /// <summary>An extension that was not offered.</summary>
    UnsupportedExtension = 110,

    /// <summary>No server has the name that the client asked for.</summary>
    UnrecognizedName = 112,

    /// <summary>No acceptable PSK, and no other way to authenticate.</summary>
    UnknownPskIdentity = 115,

    /// <summary>A client certificate is required and was not sent.</summary>
    CertificateRequired = 116,

    /// <summary>No application protocol in common (RFC 7301, 3.2).</summary>
    NoApplicationProtocol = 120,
}
