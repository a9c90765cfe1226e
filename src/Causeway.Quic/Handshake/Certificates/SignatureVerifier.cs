using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake.Tls13;

using Org.BouncyCastle.Math.EC.Rfc8032;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>Checks a signature of a CertificateVerify message by the key of a certificate (RFC 8446, 4.4.3).</summary>
internal static class SignatureVerifier
{
    // RFC 8410, 3.
    private const string Ed25519Oid = "1.3.101.112";

    // RFC 3279, 2.3.1 and 2.3.5.
    private const string RsaOid = "1.2.840.113549.1.1.1";
    private const string EcOid = "1.2.840.10045.2.1";

    // Shorter keys can be factored by those who have the means (SP 800-131A, 3).
    private const int MinRsaBits = 2048;

    // Longer keys cost the verifier more than anybody gains by them: a signature takes 16 times as long at 4 times the
    // length.
    private const int MaxRsaBits = 8192;

    // The DER of the named curve that follows the key's algorithm (RFC 5480, 2.1.1.1): secp256r1 and secp384r1.
    private static ReadOnlySpan<byte> P256Parameters => [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

    private static ReadOnlySpan<byte> P384Parameters => [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

    /// <summary>The one ECDSA scheme of a key, since each is bound to a curve; None for another key.</summary>
    public static SignatureScheme EcdsaSchemeOf(PublicKey key)
    {
        if (!string.Equals(key.Oid.Value, EcOid, StringComparison.Ordinal) || key.EncodedParameters is null)
        {
            return SignatureScheme.None;
        }

        ReadOnlySpan<byte> curve = key.EncodedParameters.RawData;
        return curve.SequenceEqual(P256Parameters) ? SignatureScheme.EcdsaSecp256r1Sha256
            : curve.SequenceEqual(P384Parameters) ? SignatureScheme.EcdsaSecp384r1Sha384
            : SignatureScheme.None;
    }

    public static HashAlgorithmName HashOf(SignatureScheme scheme) => scheme switch
    {
        SignatureScheme.EcdsaSecp384r1Sha384 or SignatureScheme.RsaPssRsaeSha384 => HashAlgorithmName.SHA384,
        SignatureScheme.RsaPssRsaeSha512 => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    };

    /// <summary>Whether the key usage, where there is one, allows signatures (RFC 8446, 4.4.2.2).</summary>
    public static bool MaySign(X509Certificate2 certificate)
    {
        try
        {
            return certificate.Extensions.OfType<X509KeyUsageExtension>()
                .All(usage => usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature));
        }
        catch (CryptographicException)
        {
            // An extension that does not parse.
            return false;
        }
    }

    /// <summary>Checks the signature.</summary>
    /// <returns>
    /// <see cref="AlertDescription.CloseNotify"/> if it is right; illegal_parameter if the scheme does not fit the key;
    /// decrypt_error if the signature is wrong.
    /// </returns>
    public static AlertDescription Verify(
        X509Certificate2 certificate, SignatureScheme scheme, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        // Certificates come from the network, and the platform throws for keys that it cannot read.
        try
        {
            PublicKey key = certificate.PublicKey;
            return scheme switch
            {
                SignatureScheme.EcdsaSecp256r1Sha256 or SignatureScheme.EcdsaSecp384r1Sha384 =>
                    VerifyEcdsa(key, scheme, content, signature),
                SignatureScheme.RsaPssRsaeSha256 or SignatureScheme.RsaPssRsaeSha384 or SignatureScheme.RsaPssRsaeSha512 =>
                    VerifyRsa(key, scheme, content, signature),
                SignatureScheme.Ed25519 => VerifyEd25519(key, content, signature),
                _ => AlertDescription.IllegalParameter,
            };
        }
        catch (CryptographicException)
        {
            return AlertDescription.BadCertificate;
        }
        catch (ArgumentException)
        {
            return AlertDescription.BadCertificate;
        }
    }

    private static AlertDescription VerifyEcdsa(
        PublicKey key, SignatureScheme scheme, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        if (EcdsaSchemeOf(key) != scheme)
        {
            return AlertDescription.IllegalParameter;
        }

        using ECDsa? ecdsa = key.GetECDsaPublicKey();
        return ecdsa is null
            ? AlertDescription.BadCertificate
            : Judge(ecdsa.VerifyData(content, signature, HashOf(scheme), DSASignatureFormat.Rfc3279DerSequence));
    }

    private static AlertDescription VerifyRsa(
        PublicKey key, SignatureScheme scheme, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        if (!string.Equals(key.Oid.Value, RsaOid, StringComparison.Ordinal))
        {
            return AlertDescription.IllegalParameter;
        }

        using RSA? rsa = key.GetRSAPublicKey();
        return rsa is null ? AlertDescription.BadCertificate
            : rsa.KeySize is < MinRsaBits or > MaxRsaBits ? AlertDescription.UnsupportedCertificate
            : Judge(rsa.VerifyData(content, signature, HashOf(scheme), RSASignaturePadding.Pss));
    }

    private static AlertDescription VerifyEd25519(PublicKey key, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        if (!string.Equals(key.Oid.Value, Ed25519Oid, StringComparison.Ordinal))
        {
            return AlertDescription.IllegalParameter;
        }

        ReadOnlySpan<byte> point = key.EncodedKeyValue.RawData;
        return point.Length != Ed25519.PublicKeySize
            ? AlertDescription.BadCertificate
            : Judge(signature.Length == Ed25519.SignatureSize && Ed25519.Verify(signature, point, content));
    }

    private static AlertDescription Judge(bool verified) =>
        verified ? AlertDescription.CloseNotify : AlertDescription.DecryptError;
}
