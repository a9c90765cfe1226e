using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <content>Certificates of the peer and of this end (RFC 8446, 4.4).</content>
internal abstract partial class Tls13Handshake
{
    /// <summary>
    /// Reads the peer's Certificate message into <see cref="PeerCertificates"/>; fails the handshake if it cannot.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="mayBeEmpty">Whether the peer may have none, which it says by an empty list.</param>
    private protected bool TryReadCertificates(ReadOnlyMemory<byte> message, bool mayBeEmpty)
    {
        AlertDescription alert = CertificateMessages.ParseCertificate(
            message, Limits, out ReadOnlyMemory<byte> context, out List<ReadOnlyMemory<byte>> chain);
        if (alert != AlertDescription.CloseNotify)
        {
            Fail(alert, "The Certificate message does not parse, or has more than the limits allow.");
            return false;
        }

        if (!context.IsEmpty)
        {
            // Our requests have an empty context, and a server's certificate has none (RFC 8446, 4.4.2).
            Fail(AlertDescription.IllegalParameter, "The Certificate message has a context that nobody gave.");
            return false;
        }

        if (chain.Count == 0 && !mayBeEmpty)
        {
            // RFC 8446, 4.4.2.4.
            Fail(AlertDescription.DecodeError, "The server sent no certificate.");
            return false;
        }

        PeerCertificates = chain;
        Transcript.Add(message.Span);
        return true;
    }

    /// <summary>
    /// Checks the peer's CertificateVerify over the transcript before it; fails the handshake if it is wrong.
    /// </summary>
    private protected bool TryVerifyCertificate(
        ReadOnlyMemory<byte> message, bool byServer, IReadOnlyList<SignatureScheme> accepted)
    {
        if (!CertificateMessages.TryParseCertificateVerify(
            message, out SignatureScheme scheme, out ReadOnlyMemory<byte> signature))
        {
            Fail(AlertDescription.DecodeError, "The CertificateVerify message does not parse.");
            return false;
        }

        if (!accepted.Contains(scheme) || !MaySignHandshake(scheme))
        {
            Fail(AlertDescription.IllegalParameter, $"The peer signed by {scheme}, which was not offered.");
            return false;
        }

        if (!CertificateParser.TryParse(PeerCertificates[0], out X509Certificate2? certificate))
        {
            Fail(AlertDescription.BadCertificate, "The peer's certificate does not parse.");
            return false;
        }

        using (certificate)
        {
            if (!SignatureVerifier.MaySign(certificate))
            {
                Fail(AlertDescription.UnsupportedCertificate, "The peer's certificate is not for signatures.");
                return false;
            }

            Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
            byte[] content = CertificateMessages.SignedContent(byServer, buffer[..Transcript.Current(buffer)]);
            AlertDescription alert = SignatureVerifier.Verify(certificate, scheme, content, signature.Span);
            if (alert != AlertDescription.CloseNotify)
            {
                Fail(alert, $"The peer's signature by {scheme} does not verify.");
                return false;
            }
        }

        Transcript.Add(message.Span);
        return true;
    }

    /// <summary>Judges the peer's key by its fingerprint, where there are any to trust.</summary>
    /// <returns>False if it is not among them, which fails the handshake.</returns>
    private protected bool CheckPins(IReadOnlyList<ReadOnlyMemory<byte>> trusted)
    {
        if (PeerCertificates.Count > 0
            && PinnedKeys.TryFingerprint(PeerCertificates[0], out byte[] fingerprint)
            && PinnedKeys.Contains(trusted, fingerprint))
        {
            return true;
        }

        Fail(AlertDescription.CertificateUnknown, "The peer's key has none of the fingerprints that are trusted.");
        return false;
    }

    /// <summary>Asks the driver whether the peer's chain is good.</summary>
    private protected void AskForCertificateCheck()
    {
        IsSuspended = true;
        Raise(HandshakeEventKind.CertificateCheckNeeded, ReadLevel, default);
    }

    /// <summary>
    /// Sends this end's Certificate and CertificateVerify; fails the handshake if the key does not sign.
    /// </summary>
    private protected bool TrySendCertificate(HandshakeCredential credential, SignatureScheme scheme, bool byServer)
    {
        Send(EncryptionLevel.Handshake, CertificateMessages.WriteCertificate(credential.Chain, requestContext: []));
        Span<byte> buffer = stackalloc byte[CipherSuites.MaxHashLength];
        byte[] content = CertificateMessages.SignedContent(byServer, buffer[..Transcript.Current(buffer)]);
        byte[] signature;
        try
        {
            signature = credential.Sign(scheme, content);
        }
        catch (CryptographicException e)
        {
            // The key may be in a device or a service that is gone.
            Fail(AlertDescription.InternalError, $"The private key does not sign: {e.Message}");
            return false;
        }

        Send(EncryptionLevel.Handshake, CertificateMessages.WriteCertificateVerify(scheme, signature));
        return true;
    }

    /// <summary>The first scheme of a credential that the peer accepts; None if there is none.</summary>
    private protected static SignatureScheme ChooseScheme(HandshakeCredential credential, ReadOnlyMemory<byte> accepted)
    {
        foreach (SignatureScheme scheme in credential.Schemes)
        {
            if (ClientHello.Lists(accepted, (ushort)scheme))
            {
                return scheme;
            }
        }

        return SignatureScheme.None;
    }

    /// <summary>
    /// The schemes that a CertificateVerify may have: PKCS #1 v1.5 is for certificates only (RFC 8446, 4.2.3).
    /// </summary>
    private protected static bool MaySignHandshake(SignatureScheme scheme) => scheme is not (
        SignatureScheme.RsaPkcs1Sha256 or SignatureScheme.RsaPkcs1Sha384 or SignatureScheme.RsaPkcs1Sha512);
}
