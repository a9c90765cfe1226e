using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>Reads a certificate that a peer sent.</summary>
internal static class CertificateParser
{
    /// <summary>Reads a certificate in DER (RFC 8446, 4.4.2).</summary>
    /// <returns>False if it is anything else. The platform's loader would take PEM, and perhaps more than one.</returns>
    public static bool TryParse(ReadOnlyMemory<byte> encoded, [NotNullWhen(true)] out X509Certificate2? certificate)
    {
        certificate = null;
        try
        {
            certificate = X509CertificateLoader.LoadCertificate(encoded.Span);
            if (certificate.RawDataMemory.Span.SequenceEqual(encoded.Span))
            {
                return true;
            }

            certificate.Dispose();
        }
        catch (CryptographicException)
        {
            // Not a certificate.
        }

        certificate = null;
        return false;
    }
}
