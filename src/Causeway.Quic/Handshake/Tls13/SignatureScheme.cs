namespace Causeway.Quic.Handshake.Tls13;

/// <summary>Signature schemes (RFC 8446, 4.2.3). The numbers are those on the wire.</summary>
internal enum SignatureScheme : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>rsa_pkcs1_sha256, for signatures inside certificates only.</summary>
    RsaPkcs1Sha256 = 0x0401,

    /// <summary>rsa_pkcs1_sha384, for signatures inside certificates only.</summary>
    RsaPkcs1Sha384 = 0x0501,

    /// <summary>rsa_pkcs1_sha512, for signatures inside certificates only.</summary>
    RsaPkcs1Sha512 = 0x0601,

    /// <summary>ecdsa_secp256r1_sha256.</summary>
    EcdsaSecp256r1Sha256 = 0x0403,

    /// <summary>ecdsa_secp384r1_sha384.</summary>
    EcdsaSecp384r1Sha384 = 0x0503,

    /// <summary>rsa_pss_rsae_sha256.</summary>
    RsaPssRsaeSha256 = 0x0804,

    /// <summary>rsa_pss_rsae_sha384.</summary>
    RsaPssRsaeSha384 = 0x0805,

    /// <summary>rsa_pss_rsae_sha512.</summary>
    RsaPssRsaeSha512 = 0x0806,

    /// <summary>ed25519.</summary>
    Ed25519 = 0x0807,
}
