using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>
/// Ends that show a certificate whose key they do not have. Unlike a signature that is changed on the way, theirs stands in the
/// transcripts of both ends, so that nothing but the check of the signature finds it.
/// </summary>
public class ImpostorTests
{
    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void AServerWithoutTheKeyIsRefusedBeforeItsChainIsChecked(string kind)
    {
        using HandshakePair pair = new(server: HandshakePair.ServerOptions() with { Credentials = [Impostor(kind)] });
        pair.Run();
        Assert.Equal((byte)AlertDescription.DecryptError, pair.Client.Failure!.Alert);
        Assert.DoesNotContain(pair.ClientEvents, step => step.Kind == HandshakeEventKind.CertificateCheckNeeded);
        Assert.False(pair.Server.IsComplete);
    }

    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void AServerWithoutThePinnedKeyIsRefused(string kind)
    {
        HandshakeCredential impostor = Impostor(kind);
        Assert.True(PinnedKeys.TryFingerprint(impostor.Chain[0], out byte[] pin));
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { PinnedFingerprints = [pin] },
            HandshakePair.ServerOptions() with { Credentials = [impostor] });
        pair.Run();
        Assert.Equal((byte)AlertDescription.DecryptError, pair.Client.Failure!.Alert);
    }

    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void AClientWithoutTheKeyIsRefused(string kind)
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { Credential = Impostor(kind) },
            HandshakePair.ServerOptions() with { ClientCertificates = ClientCertificateMode.Require });
        pair.Run();
        Assert.Equal((byte)AlertDescription.DecryptError, pair.Server.Failure!.Alert);
        Assert.DoesNotContain(pair.ServerEvents, step => step.Kind == HandshakeEventKind.CertificateCheckNeeded);
    }

    [Theory]
    [InlineData("P-256", SignatureScheme.RsaPssRsaeSha256)]
    [InlineData("P-256", SignatureScheme.EcdsaSecp384r1Sha384)]
    [InlineData("P-384", SignatureScheme.EcdsaSecp256r1Sha256)]
    [InlineData("RSA", SignatureScheme.EcdsaSecp256r1Sha256)]
    [InlineData("RSA", SignatureScheme.Ed25519)]
    [InlineData("RSA", SignatureScheme.RsaPkcs1Sha256)]
    [InlineData("Ed25519", SignatureScheme.RsaPssRsaeSha256)]
    [InlineData("Ed25519", SignatureScheme.EcdsaSecp256r1Sha256)]
    internal void ASchemeThatDoesNotFitTheKeyIsIllegal(string kind, SignatureScheme scheme)
    {
        HandshakeCredential real = TestCertificates.Credential(kind);
        using HandshakePair pair = new(
            server: HandshakePair.ServerOptions() with { Credentials = [new SplitCredential(real.Chain, [scheme], real)] });
        pair.Run();
        Assert.Equal((byte)AlertDescription.IllegalParameter, pair.Client.Failure!.Alert);
    }

    [Theory]
    [InlineData(SignatureScheme.RsaPssRsaeSha256)]
    [InlineData(SignatureScheme.RsaPssRsaeSha384)]
    [InlineData(SignatureScheme.RsaPssRsaeSha512)]
    internal void AnRsaKeySignsByEachHash(SignatureScheme scheme)
    {
        HandshakeCredential real = TestCertificates.Credential("RSA");
        using HandshakePair pair = new(
            server: HandshakePair.ServerOptions() with { Credentials = [new SplitCredential(real.Chain, [scheme], real)] });
        pair.RunToCompletion();
    }

    [Fact]
    public void ASignatureOfTheOtherEndIsRefused()
    {
        // What a server signs must not do for a client: the context string differs (RFC 8446, 4.4.3).
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(TestCertificates.P256.RawData);
        HandshakeCredential credential = TestCertificates.Credential("P-256");
        byte[] hash = RandomNumberGenerator.GetBytes(32);
        byte[] signature = credential.Sign(
            SignatureScheme.EcdsaSecp256r1Sha256, CertificateMessages.SignedContent(byServer: true, hash));
        Assert.Equal(AlertDescription.CloseNotify, Verify(byServer: true));
        Assert.Equal(AlertDescription.DecryptError, Verify(byServer: false));

        AlertDescription Verify(bool byServer) => SignatureVerifier.Verify(
            certificate, SignatureScheme.EcdsaSecp256r1Sha256, CertificateMessages.SignedContent(byServer, hash), signature);
    }

    /// <summary>The chain of a test certificate, and another key of the same kind.</summary>
    private static SplitCredential Impostor(string kind)
    {
        HandshakeCredential real = TestCertificates.Credential(kind);
        HandshakeCredential signer = kind switch
        {
            "P-256" => HandshakeCredential.FromCertificate(Other(ECDsa.Create(ECCurve.NamedCurves.nistP256))),
            "P-384" => HandshakeCredential.FromCertificate(Other(ECDsa.Create(ECCurve.NamedCurves.nistP384))),
            "RSA" => HandshakeCredential.FromCertificate(TestCertificates.KeyEnciphermentOnly),
            _ => HandshakeCredential.FromEd25519(RandomNumberGenerator.GetBytes(32), real.Chain),
        };
        return new SplitCredential(real.Chain, real.Schemes, signer);
    }

    private static X509Certificate2 Other(ECDsa key) => new CertificateRequest("CN=other", key, HashAlgorithmName.SHA256)
        .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

    /// <summary>A chain with a signer that need not belong to it, and schemes that need not either.</summary>
    private sealed class SplitCredential : HandshakeCredential
    {
        private readonly HandshakeCredential _signer;

        public SplitCredential(
            IReadOnlyList<ReadOnlyMemory<byte>> chain, IReadOnlyList<SignatureScheme> schemes, HandshakeCredential signer)
            : base(chain, schemes) => _signer = signer;

        public override byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content) =>
            _signer.Sign(_signer.Schemes.Contains(scheme) ? scheme : _signer.Schemes[0], content);
    }
}
