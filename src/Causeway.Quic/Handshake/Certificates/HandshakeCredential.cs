using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Handshake.Certificates;

/// <summary>
/// A certificate chain and the key that signs for it. One object serves all handshakes of an endpoint, from several
/// threads; the keys behind it only ever sign.
/// </summary>
internal abstract class HandshakeCredential
{
    private protected HandshakeCredential(IReadOnlyList<ReadOnlyMemory<byte>> chain, IReadOnlyList<SignatureScheme> schemes)
    {
        Chain = chain;
        Schemes = schemes;
    }

    /// <summary>The chain in DER, the end entity first (RFC 8446, 4.4.2).</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Chain { get; }

    /// <summary>The schemes that the key can sign by, the preferred one first.</summary>
    public IReadOnlyList<SignatureScheme> Schemes { get; }

    /// <summary>A certificate with its private key, by the platform: ECDSA P-256, ECDSA P-384 or RSA.</summary>
    /// <param name="certificate">The end entity's certificate, which must outlive the credential.</param>
    /// <param name="intermediates">The certificates above it, without the root.</param>
    /// <exception cref="NotSupportedException">The key is of another kind.</exception>
    public static HandshakeCredential FromCertificate(
        X509Certificate2 certificate, IEnumerable<X509Certificate2>? intermediates = null)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        List<ReadOnlyMemory<byte>> chain = [certificate.RawData];
        foreach (X509Certificate2 intermediate in intermediates ?? [])
        {
            chain.Add(intermediate.RawData);
        }

        return PlatformCredential.Create(certificate, chain);
    }

    /// <summary>The chain and key that <see cref="SslStreamCertificateContext"/> holds.</summary>
    /// <exception cref="NotSupportedException">The key is of a kind that is not supported.</exception>
    public static HandshakeCredential FromContext(SslStreamCertificateContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return FromCertificate(context.TargetCertificate, context.IntermediateCertificates);
    }

    /// <summary>An Ed25519 key (RFC 8410), which the platform does not know.</summary>
    /// <param name="seed">The private key's 32 bytes (RFC 8032, 5.1.5).</param>
    /// <param name="chain">The chain in DER, the end entity first.</param>
    public static HandshakeCredential FromEd25519(ReadOnlySpan<byte> seed, IReadOnlyList<ReadOnlyMemory<byte>> chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return new Ed25519Credential(seed, chain);
    }

    /// <summary>Signs content by one of <see cref="Schemes"/>.</summary>
    public abstract byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content);
}
