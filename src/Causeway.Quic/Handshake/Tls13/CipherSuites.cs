using System.Security.Cryptography;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>What the handshake must know of a cipher suite (RFC 8446, B.4).</summary>
internal static class CipherSuites
{
    /// <summary>Bytes of the longest hash that a suite of ours has, SHA-384.</summary>
    public const int MaxHashLength = 48;

    /// <summary>The suites that exist here, in the default order of preference.</summary>
    public static IReadOnlyList<CipherSuite> Default { get; } =
        [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    public static bool IsKnown(CipherSuite suite) => suite is CipherSuite.Aes128GcmSha256
        or CipherSuite.Aes256GcmSha384 or CipherSuite.ChaCha20Poly1305Sha256;

    /// <summary>The hash of the key schedule and of the transcript.</summary>
    public static HashAlgorithmName HashOf(CipherSuite suite) =>
        suite == CipherSuite.Aes256GcmSha384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256;

    public static int HashLength(HashAlgorithmName hash) => hash == HashAlgorithmName.SHA384 ? 48 : 32;
}
