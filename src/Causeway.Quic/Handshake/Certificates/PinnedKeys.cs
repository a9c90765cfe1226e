using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>
/// Fingerprints of keys that are trusted without a certificate authority: SHA-256 of the SubjectPublicKeyInfo, as in
/// RFC 7469, 2.4, so that a new certificate for an old key keeps its fingerprint.
/// </summary>
internal static class PinnedKeys
{
    /// <summary>Bytes of a fingerprint.</summary>
    public const int FingerprintLength = 32;

    /// <summary>The fingerprint of a certificate's key.</summary>
    public static byte[] FingerprintOf(X509Certificate2 certificate) =>
        SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    /// <summary>The fingerprint of the key of a certificate in DER.</summary>
    /// <returns>False if it is not a certificate.</returns>
    public static bool TryFingerprint(ReadOnlyMemory<byte> certificate, out byte[] fingerprint)
    {
        fingerprint = [];
        if (!CertificateParser.TryParse(certificate, out X509Certificate2? parsed))
        {
            return false;
        }

        using (parsed)
        {
            try
            {
                fingerprint = FingerprintOf(parsed);
                return true;
            }
            catch (CryptographicException)
            {
                // The certificate parses but its key does not.
                return false;
            }
        }
    }

    /// <summary>Whether a fingerprint is among those that are trusted.</summary>
    public static bool Contains(IReadOnlyList<ReadOnlyMemory<byte>> trusted, ReadOnlySpan<byte> fingerprint)
    {
        foreach (ReadOnlyMemory<byte> candidate in trusted)
        {
            if (CryptographicOperations.FixedTimeEquals(candidate.Span, fingerprint))
            {
                return true;
            }
        }

        return false;
    }
}
