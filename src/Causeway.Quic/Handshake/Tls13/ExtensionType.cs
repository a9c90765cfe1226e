namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Types of extensions that this handshake reads or writes (RFC 8446, 4.2).</summary>
internal enum ExtensionType : ushort
{
    /// <summary>server_name (RFC 6066, 3).</summary>
    ServerName = 0,

    /// <summary>max_fragment_length (RFC 6066, 4), which is never offered.</summary>
    MaxFragmentLength = 1,

    /// <summary>status_request (RFC 6066, 8), which is never offered.</summary>
    StatusRequest = 5,

    /// <summary>supported_groups (RFC 8446, 4.2.7).</summary>
    SupportedGroups = 10,

    /// <summary>signature_algorithms (RFC 8446, 4.2.3).</summary>
    SignatureAlgorithms = 13,

    /// <summary>application_layer_protocol_negotiation (RFC 7301).</summary>
    ApplicationLayerProtocolNegotiation = 16,

    /// <summary>padding (RFC 7685).</summary>
    Padding = 21,

    /// <summary>pre_shared_key (RFC 8446, 4.2.11).</summary>
    PreSharedKey = 41,

    /// <summary>early_data (RFC 8446, 4.2.10).</summary>
    EarlyData = 42,

    /// <summary>supported_versions (RFC 8446, 4.2.1).</summary>
    SupportedVersions = 43,

    /// <summary>cookie (RFC 8446, 4.2.2).</summary>
    Cookie = 44,

    /// <summary>psk_key_exchange_modes (RFC 8446, 4.2.9).</summary>
    PskKeyExchangeModes = 45,

    /// <summary>certificate_authorities (RFC 8446, 4.2.4).</summary>
    CertificateAuthorities = 47,

    /// <summary>post_handshake_auth (RFC 8446, 4.2.6), which is never offered.</summary>
    PostHandshakeAuth = 49,

    /// <summary>signature_algorithms_cert (RFC 8446, 4.2.3).</summary>
    SignatureAlgorithmsCert = 50,

    /// <summary>key_share (RFC 8446, 4.2.8).</summary>
    KeyShare = 51,

    /// <summary>quic_transport_parameters (RFC 9001, 8.2).</summary>
    QuicTransportParameters = 57,
}
