using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class CertificateCheckerTests
{
    private static readonly Authority s_root = new("CN=root", issuer: null);
    private static readonly Authority s_middle = new("CN=middle", s_root);

    [Fact]
    public void TakesAChainOfATrustedRootWithTheRightName() => Assert.Null(Check("leaf.test", Chain("leaf.test")));

    [Fact]
    public void TheEndEntityAloneLeadsNowhere() =>
        Assert.Equal(AlertDescription.UnknownCa, AlertOf(Check("leaf.test", Chain("leaf.test")[..1])));

    [Fact]
    public void AnUntrustedRootIsUnknown()
    {
        SslClientAuthenticationOptions options = new()
        {
            TargetHost = "leaf.test",
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        Assert.Equal(AlertDescription.UnknownCa, AlertOf(CertificateChecker.For(options).Check(this, Chain("leaf.test"))));
    }

    [Theory]
    [InlineData("other.test")]
    [InlineData("")]
    [InlineData("not a name \u00e9")]
    public void AnotherNameIsRefused(string name) =>
        Assert.Equal(AlertDescription.CertificateUnknown, AlertOf(Check(name, Chain("leaf.test"))));

    [Fact]
    public void AnExpiredCertificateIsRefused() => Assert.Equal(
        AlertDescription.CertificateExpired, AlertOf(Check("leaf.test", Chain("leaf.test", notAfter: DateTimeOffset.UtcNow.AddHours(-1)))));

    [Fact]
    public void ACertificateForAnotherUseIsRefused() => Assert.Equal(
        AlertDescription.UnsupportedCertificate, AlertOf(Check("leaf.test", Chain("leaf.test", usage: "1.3.6.1.5.5.7.3.2"))));

    [Fact]
    public void GarbageIsABadCertificate() =>
        Assert.Equal(AlertDescription.BadCertificate, AlertOf(Check("leaf.test", [new byte[] { 0x30, 0x00 }])));

    [OpenSslFact]
    public void AnEd25519CertificateIsJudgedToo()
    {
        SslClientAuthenticationOptions options = Options(TestCertificates.ServerName);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(TestCertificates.Ed25519.Chain[0].Span);
        Assert.Equal(
            AlertDescription.UnknownCa, AlertOf(CertificateChecker.For(options).Check(this, TestCertificates.Ed25519.Chain)));
        options.CertificateChainPolicy!.CustomTrustStore.Add(certificate);
        HandshakeFailure? failure = CertificateChecker.For(options).Check(this, TestCertificates.Ed25519.Chain);
        Assert.Null(failure);
    }

    [Fact]
    public void TheCallbackDecidesAndSeesWhatIsWrong()
    {
        SslPolicyErrors seen = SslPolicyErrors.None;
        SslClientAuthenticationOptions options = Options("other.test");
        options.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
        {
            seen = errors;
            Assert.Same(s_root, sender);
            Assert.NotNull(chain);
            return certificate!.Subject == "CN=leaf.test";
        };
        Assert.Null(CertificateChecker.For(options).Check(s_root, Chain("leaf.test")));
        Assert.Equal(SslPolicyErrors.RemoteCertificateNameMismatch, seen);

        options.RemoteCertificateValidationCallback = (_, _, _, _) => false;
        options.TargetHost = "leaf.test";
        Assert.Equal(
            AlertDescription.CertificateUnknown, AlertOf(CertificateChecker.For(options).Check(s_root, Chain("leaf.test"))));
    }

    [Fact]
    public void AMissingClientCertificateIsForTheCallback()
    {
        SslServerAuthenticationOptions options = new() { ClientCertificateRequired = true };
        Assert.Equal(AlertDescription.CertificateRequired, AlertOf(CertificateChecker.For(options).Check(this, [])));
        options.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            certificate is null && errors == SslPolicyErrors.RemoteCertificateNotAvailable;
        Assert.Null(CertificateChecker.For(options).Check(this, []));
    }

    [Fact]
    public void AServerChecksNoNames()
    {
        SslServerAuthenticationOptions options = new() { CertificateChainPolicy = Options("").CertificateChainPolicy };
        Assert.Null(CertificateChecker.For(options).Check(this, Chain("client", usage: "1.3.6.1.5.5.7.3.2")));
    }

    private static HandshakeFailure? Check(string name, ReadOnlyMemory<byte>[] chain) =>
        CertificateChecker.For(Options(name)).Check(new object(), chain);

    private static AlertDescription AlertOf(HandshakeFailure? failure) => (AlertDescription)Assert.IsType<HandshakeFailure>(failure).Alert;

    private static SslClientAuthenticationOptions Options(string name)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.Add(s_root.Certificate);
        return new SslClientAuthenticationOptions { TargetHost = name, CertificateChainPolicy = policy };
    }

    private static ReadOnlyMemory<byte>[] Chain(string name, DateTimeOffset? notAfter = null, string usage = "1.3.6.1.5.5.7.3.1") =>
        [s_middle.Issue(name, notAfter ?? DateTimeOffset.UtcNow.AddDays(1), usage), s_middle.Certificate.RawData];

    private sealed class Authority
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Authority(string name, Authority? issuer)
        {
            CertificateRequest request = new(name, _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-2);
            DateTimeOffset to = DateTimeOffset.UtcNow.AddDays(2);
            Certificate = issuer is null
                ? request.CreateSelfSigned(from, to)
                : request.Create(issuer.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer._key), from.AddHours(1), to.AddHours(-1), [7]);
        }

        public X509Certificate2 Certificate { get; }

        public byte[] Issue(string name, DateTimeOffset notAfter, string usage)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
            SubjectAlternativeNameBuilder names = new();
            names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
            using X509Certificate2 made = request.Create(
                Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), DateTimeOffset.UtcNow.AddDays(-1), notAfter, [9]);
            return made.RawData;
        }
    }
}
