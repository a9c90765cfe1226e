namespace Causeway.Quic.Handshake;

/// <summary>A cipher suite of TLS 1.3 that QUIC may use (RFC 8446, B.4). The numbers are those on the wire.</summary>
internal enum CipherSuite : ushort
{
    /// <summary>None was negotiated yet.</summary>
    None = 0,

    /// <summary>TLS_AES_128_GCM_SHA256.</summary>
    Aes128GcmSha256 = 0x1301,

    /// <summary>TLS_AES_256_GCM_SHA384.</summary>
    Aes256GcmSha384 = 0x1302,

    /// <summary>TLS_CHACHA20_POLY1305_SHA256.</summary>
    ChaCha20Poly1305Sha256 = 0x1303,
}
