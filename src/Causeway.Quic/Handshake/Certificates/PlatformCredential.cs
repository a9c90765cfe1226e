using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>A key of the platform: ECDSA or RSA.</summary>
internal sealed class PlatformCredential : HandshakeCredential
{
    private readonly ECDsa? _ecdsa;
    private readonly RSA? _rsa;

    private PlatformCredential(
        IReadOnlyList<ReadOnlyMemory<byte>> chain, IReadOnlyList<SignatureScheme> schemes, ECDsa? ecdsa, RSA? rsa)
        : base(chain, schemes)
    {
        _ecdsa = ecdsa;
        _rsa = rsa;
    }

    public static PlatformCredential Create(X509Certificate2 certificate, IReadOnlyList<ReadOnlyMemory<byte>> chain)
    {
        SignatureScheme scheme = SignatureVerifier.EcdsaSchemeOf(certificate.PublicKey);
        if (scheme != SignatureScheme.None && certificate.GetECDsaPrivateKey() is ECDsa ecdsa)
        {
            return new PlatformCredential(chain, [scheme], ecdsa, rsa: null);
        }

        if (certificate.GetRSAPrivateKey() is RSA rsa)
        {
            return new PlatformCredential(
                chain,
                [SignatureScheme.RsaPssRsaeSha256, SignatureScheme.RsaPssRsaeSha384, SignatureScheme.RsaPssRsaeSha512],
                ecdsa: null,
                rsa);
        }

        throw new NotSupportedException(
            $"The certificate of {certificate.Subject} has no private key of a kind that TLS uses here: ECDSA P-256, "
            + "ECDSA P-384 or RSA. An Ed25519 key is given by its seed.");
    }

    public override byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content)
    {
        HashAlgorithmName hash = SignatureVerifier.HashOf(scheme);
        return _ecdsa is not null
            ? _ecdsa.SignData(content, hash, DSASignatureFormat.Rfc3279DerSequence)
            : _rsa!.SignData(content, hash, RSASignaturePadding.Pss);
    }
}
