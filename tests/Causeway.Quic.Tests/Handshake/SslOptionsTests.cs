using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class SslOptionsTests
{
    private static readonly List<SslApplicationProtocol> s_protocols = [SslApplicationProtocol.Http3];

    [Fact]
    public void AHandshakeGoesByTheOptionsOfDotNet()
    {
        SslServerAuthenticationOptions server = new()
        {
            ApplicationProtocols = s_protocols,
            ServerCertificateContext = SslStreamCertificateContext.Create(TestCertificates.Rsa, null, offline: true),
            ClientCertificateRequired = true,
        };
        SslClientAuthenticationOptions client = new()
        {
            ApplicationProtocols = s_protocols,
            TargetHost = TestCertificates.ServerName,
            ClientCertificates = [TestCertificates.P384],
        };
        using HandshakePair pair = new(SslOptions.ToTls(client), SslOptions.ToTls(server, this, TestCertificates.ServerName));
        pair.RunToCompletion();
        Assert.Equal("h3"u8.ToArray(), pair.Server.ApplicationProtocol.ToArray());
        Assert.Equal(TestCertificates.P384.RawData, pair.Server.PeerCertificates[0].ToArray());
        Assert.Equal(TestCertificates.Rsa.RawData, pair.Client.PeerCertificates[0].ToArray());
    }

    [Fact]
    public void ANameInAnotherScriptTravelsInItsAsciiForm()
    {
        SslClientAuthenticationOptions options = Client();
        options.TargetHost = "b\u00fccher.test";
        Assert.Equal("xn--bcher-kva.test", SslOptions.ToTls(options).ServerName);
    }

    [Fact]
    public void TheCallbackSelectsACertificateByName()
    {
        SslServerAuthenticationOptions options = new()
        {
            ApplicationProtocols = s_protocols,
            ServerCertificateSelectionCallback = (sender, name) =>
                name == "p384.test" && sender == s_protocols ? TestCertificates.P384 : TestCertificates.P256,
        };
        TlsServerOptions selected = SslOptions.ToTls(options, s_protocols, "p384.test");
        Assert.Equal([SignatureScheme.EcdsaSecp384r1Sha384], selected.Credentials[0].Schemes);
        selected = SslOptions.ToTls(options, s_protocols, null);
        Assert.Equal([SignatureScheme.EcdsaSecp256r1Sha256], selected.Credentials[0].Schemes);
    }

    [Fact]
    public void ACertificateIsResolvedOnce()
    {
        HandshakeCredential first = SslOptions.ToTls(Server(), this, null).Credentials[0];
        Assert.Same(first, SslOptions.ToTls(Server(), this, "another.test").Credentials[0]);
    }

    [Theory]
    [InlineData(false, false, ClientCertificateMode.None)]
    [InlineData(true, false, ClientCertificateMode.Require)]
    [InlineData(true, true, ClientCertificateMode.Request)]
    internal void ARequiredClientCertificateIsForTheCallbackIfThereIsOne(bool required, bool callback, ClientCertificateMode mode)
    {
        SslServerAuthenticationOptions options = Server();
        options.ClientCertificateRequired = required;
        options.RemoteCertificateValidationCallback = callback ? (_, certificate, _, _) => certificate is not null : null;
        Assert.Equal(mode, SslOptions.ToTls(options, this, null).ClientCertificates);
    }

    [Fact]
    public void TheCipherSuitesPolicyLimitsTheSuites()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        SslClientAuthenticationOptions options = Client();
        options.CipherSuitesPolicy = new CipherSuitesPolicy(
            [TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
        Assert.Equal([CipherSuite.ChaCha20Poly1305Sha256], SslOptions.ToTls(options).CipherSuites);

        options.CipherSuitesPolicy = new CipherSuitesPolicy([TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]);
        Refuses(nameof(options.CipherSuitesPolicy), options);
    }

    [Fact]
    public void ResumptionAndPaddingsCanBeSwitchedOff()
    {
        SslClientAuthenticationOptions options = Client();
        Assert.True(SslOptions.ToTls(options).AllowResumption);
        options.AllowTlsResume = false;
        Assert.False(SslOptions.ToTls(options).AllowResumption);
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
        {
            return;
        }

        options.AllowRsaPkcs1Padding = false;
        options.AllowRsaPssPadding = false;
        TlsClientOptions converted = SslOptions.ToTls(options);
        Assert.Equal(
            [SignatureScheme.EcdsaSecp256r1Sha256, SignatureScheme.Ed25519, SignatureScheme.EcdsaSecp384r1Sha384],
            converted.SignatureSchemes);
    }

    [Fact]
    public void WhatCannotBeDoneIsRefusedByName()
    {
        SslClientAuthenticationOptions options = Client();
        options.EnabledSslProtocols = SslProtocols.Tls12;
        Refuses(nameof(options.EnabledSslProtocols), options);

        options = Client();
#pragma warning disable SYSLIB0040 // The refusal of what is obsolete is what is tested.
        options.EncryptionPolicy = EncryptionPolicy.AllowNoEncryption;
#pragma warning restore SYSLIB0040
        Refuses(nameof(options.EncryptionPolicy), options);

        options = Client();
        options.LocalCertificateSelectionCallback = (_, _, _, _, _) => TestCertificates.P256;
        Refuses(nameof(options.LocalCertificateSelectionCallback), options);

        options = Client();
        options.ClientCertificates = [X509CertificateLoader.LoadCertificate(TestCertificates.P256.RawData)];
        Refuses(nameof(options.ClientCertificates), options);

        SslServerAuthenticationOptions server = new() { ApplicationProtocols = s_protocols };
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => SslOptions.ToTls(server, this, null));
        Assert.Contains(nameof(server.ServerCertificate), e.Message, StringComparison.Ordinal);

        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
        {
            return;
        }

        server.ServerCertificate = TestCertificates.Rsa;
        server.AllowRsaPssPadding = false;
        e = Assert.Throws<NotSupportedException>(() => SslOptions.ToTls(server, this, null));
        Assert.Contains(nameof(server.AllowRsaPssPadding), e.Message, StringComparison.Ordinal);
    }

    private static SslClientAuthenticationOptions Client() =>
        new() { ApplicationProtocols = s_protocols, TargetHost = TestCertificates.ServerName };

    private static SslServerAuthenticationOptions Server() =>
        new() { ApplicationProtocols = s_protocols, ServerCertificate = TestCertificates.P256 };

    private static void Refuses(string property, SslClientAuthenticationOptions options) =>
        Assert.Contains(
            property,
            Assert.Throws<NotSupportedException>(() => SslOptions.ToTls(options)).Message,
            StringComparison.Ordinal);
}
