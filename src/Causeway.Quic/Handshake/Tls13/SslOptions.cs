using System.Globalization;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic.Handshake.Tls13;

/// <summary>
/// Reads the options that .NET programs have for <see cref="SslStream"/>. What TLS 1.3 over QUIC, or this library,
/// cannot do is refused by the name of the property: an option that is silently ignored is a hole.
/// </summary>
/// <remarks>
/// AllowRenegotiation needs nothing: TLS 1.3 has no renegotiation. The checks of the peer's certificate are in
/// <see cref="CertificateChecker"/>. Finding a chain's intermediates may take time, so a driver keeps the result.
/// </remarks>
internal static class SslOptions
{
    // A server that chooses for each client resolves the same certificates again and again, and finding a chain and opening a key cost
    // more than a handshake. What is kept lives as long as what it was made from.
    private static readonly ConditionalWeakTable<object, HandshakeCredential> s_credentials = [];

    /// <summary>The client's options.</summary>
    /// <exception cref="NotSupportedException">A property has a value that is not supported; the message names
    /// it.</exception>
    public static TlsClientOptions ToTls(SslClientAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RefuseCommon(options.EnabledSslProtocols, options.EncryptionPolicy);
        Refuse(
            options.LocalCertificateSelectionCallback is not null,
            nameof(options.LocalCertificateSelectionCallback),
            $"it would run while packets wait; set {nameof(options.ClientCertificateContext)} instead");
        HandshakeCredential? credential = options.ClientCertificateContext is not null
            ? HandshakeCredential.FromContext(options.ClientCertificateContext)
            : FromCollection(options.ClientCertificates);
        RefuseRsaWithoutPss(credential, options.AllowRsaPssPadding, nameof(options.AllowRsaPssPadding));
        return new TlsClientOptions
        {
            ServerName = ToAscii(options.TargetHost),
            ApplicationProtocols = Protocols(options.ApplicationProtocols),
            CipherSuites = Suites(options.CipherSuitesPolicy),
            SignatureSchemes = Schemes(options.AllowRsaPssPadding, options.AllowRsaPkcs1Padding),
            AllowResumption = options.AllowTlsResume,
            Credential = credential,
        };
    }

    /// <summary>The server's options for a client that asks for a name.</summary>
    /// <param name="options">The options.</param>
    /// <param name="sender">What the callback that selects a certificate is told as its sender.</param>
    /// <param name="serverName">The name that the client asked for; null if none.</param>
    /// <exception cref="NotSupportedException">A property has a value that is not supported; the message names
    /// it.</exception>
    public static TlsServerOptions ToTls(SslServerAuthenticationOptions options, object sender, string? serverName)
    {
        ArgumentNullException.ThrowIfNull(options);
        RefuseCommon(options.EnabledSslProtocols, options.EncryptionPolicy);
        HandshakeCredential credential = ServerCredential(options, sender, serverName);
        RefuseRsaWithoutPss(credential, options.AllowRsaPssPadding, nameof(options.AllowRsaPssPadding));
        return new TlsServerOptions
        {
            ApplicationProtocols = Protocols(options.ApplicationProtocols),
            CipherSuites = Suites(options.CipherSuitesPolicy),
            SignatureSchemes = Schemes(options.AllowRsaPssPadding, options.AllowRsaPkcs1Padding),
            AllowResumption = options.AllowTlsResume,
            Credentials = [credential],

            // As with SslStream, "required" means that the check decides, and the callback may forgive a missing
            // certificate.
            ClientCertificates = !options.ClientCertificateRequired ? ClientCertificateMode.None
                : options.RemoteCertificateValidationCallback is null ? ClientCertificateMode.Require
                : ClientCertificateMode.Request,
        };
    }

    private static void RefuseCommon(SslProtocols protocols, EncryptionPolicy encryption)
    {
        Refuse(
            protocols != SslProtocols.None && !protocols.HasFlag(SslProtocols.Tls13),
            nameof(SslClientAuthenticationOptions.EnabledSslProtocols),
            "QUIC has TLS 1.3 and nothing before it (RFC 9001, 4.2)");
        Refuse(
            encryption != EncryptionPolicy.RequireEncryption,
            nameof(SslClientAuthenticationOptions.EncryptionPolicy),
            "QUIC always encrypts");
    }

    private static void RefuseRsaWithoutPss(HandshakeCredential? credential, bool allowsPss, string property) => Refuse(
        !allowsPss && credential is not null && credential.Schemes.Contains(SignatureScheme.RsaPssRsaeSha256),
        property,
        "an RSA key signs a TLS 1.3 handshake by PSS only (RFC 8446, 4.2.3)");

    private static HandshakeCredential ServerCredential(
        SslServerAuthenticationOptions options, object sender, string? serverName)
    {
        if (options.ServerCertificateSelectionCallback is not null)
        {
            X509Certificate? selected = options.ServerCertificateSelectionCallback(sender, serverName);
            return FromCertificate(selected, nameof(options.ServerCertificateSelectionCallback));
        }

        return options.ServerCertificateContext is not null
            ? s_credentials.GetValue(options.ServerCertificateContext, static context => HandshakeCredential.FromContext((SslStreamCertificateContext)context))
            : FromCertificate(options.ServerCertificate, nameof(options.ServerCertificate));
    }

    private static HandshakeCredential FromCertificate(X509Certificate? certificate, string property)
    {
        Refuse(
            certificate is not X509Certificate2 { HasPrivateKey: true },
            property,
            "it gave no certificate with a private key");

        // Finds the intermediates in the stores of the machine, without asking the network.
        return s_credentials.GetValue(certificate!, static target => HandshakeCredential.FromContext(
            SslStreamCertificateContext.Create((X509Certificate2)target, null, offline: true)));
    }

    /// <summary>The name as it travels: other scripts in their ASCII form (RFC 6066, 3; RFC 5890).</summary>
    private static string? ToAscii(string? name) =>
        name is null || Ascii.IsValid(name) ? name : new IdnMapping().GetAscii(name);

    private static HandshakeCredential? FromCollection(X509CertificateCollection? certificates)
    {
        if (certificates is null || certificates.Count == 0)
        {
            return null;
        }

        foreach (X509Certificate certificate in certificates)
        {
            if (certificate is X509Certificate2 { HasPrivateKey: true })
            {
                return FromCertificate(certificate, nameof(SslClientAuthenticationOptions.ClientCertificates));
            }
        }

        Refuse(true, nameof(SslClientAuthenticationOptions.ClientCertificates), "none of them has a private key");
        return null;
    }

    private static ReadOnlyMemory<byte>[] Protocols(List<SslApplicationProtocol>? protocols) =>
        protocols is null ? [] : [.. protocols.Select(protocol => protocol.Protocol)];

    private static IReadOnlyList<CipherSuite> Suites(CipherSuitesPolicy? policy)
    {
        // Windows has no such policy: its constructor throws there.
        if (policy is null || OperatingSystem.IsWindows())
        {
            return CipherSuites.Default;
        }

        CipherSuite[] suites =
            [.. policy.AllowedCipherSuites.Select(suite => (CipherSuite)suite).Where(CipherSuites.IsKnown)];
        Refuse(
            suites.Length == 0,
            nameof(SslClientAuthenticationOptions.CipherSuitesPolicy),
            "it allows no suite of TLS 1.3 that exists here");
        return suites;
    }

    private static SignatureScheme[] Schemes(bool allowsPss, bool allowsPkcs1) =>
    [
        .. TlsOptions.DefaultSignatureSchemes.Where(scheme => scheme switch
        {
            SignatureScheme.RsaPssRsaeSha256 or SignatureScheme.RsaPssRsaeSha384 or SignatureScheme.RsaPssRsaeSha512 =>
                allowsPss,
            SignatureScheme.RsaPkcs1Sha256 or SignatureScheme.RsaPkcs1Sha384 or SignatureScheme.RsaPkcs1Sha512 =>
                allowsPkcs1,
            _ => true,
        }),
    ];

    private static void Refuse(bool isWrong, string property, string reason)
    {
        if (isWrong)
        {
            throw new NotSupportedException($"{property} is not supported as it is set: {reason}.");
        }
    }
}
