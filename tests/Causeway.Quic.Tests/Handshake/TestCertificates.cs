using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Quic.Handshake.Certificates;

using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto.Operators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.X509;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>Self-signed certificates of each kind of key, made once for all tests.</summary>
internal static class TestCertificates
{
    public const string ServerName = "server.test";

    private static readonly Lazy<X509Certificate2> s_p256 = new(() => CreateEcdsa(ECCurve.NamedCurves.nistP256));
    private static readonly Lazy<X509Certificate2> s_p384 = new(() => CreateEcdsa(ECCurve.NamedCurves.nistP384));
    private static readonly Lazy<X509Certificate2> s_enciphering = new(() => CreateRsa(X509KeyUsageFlags.KeyEncipherment));
    private static readonly Lazy<X509Certificate2> s_rsa = new(() => CreateRsa(X509KeyUsageFlags.DigitalSignature));
    private static readonly Lazy<HandshakeCredential> s_ed25519 = new(CreateEd25519);

    public static X509Certificate2 P256 => s_p256.Value;

    public static X509Certificate2 P384 => s_p384.Value;

    public static X509Certificate2 Rsa => s_rsa.Value;

    /// <summary>A certificate whose key usage leaves out signatures.</summary>
    public static X509Certificate2 KeyEnciphermentOnly => s_enciphering.Value;

    public static Ed25519PrivateKeyParameters Ed25519Key { get; } = new(RandomNumberGenerator.GetBytes(32));

    public static HandshakeCredential Ed25519 => s_ed25519.Value;

    public static HandshakeCredential Credential(string kind) => kind switch
    {
        "P-256" => HandshakeCredential.FromCertificate(P256),
        "P-384" => HandshakeCredential.FromCertificate(P384),
        "RSA" => HandshakeCredential.FromCertificate(Rsa),
        _ => Ed25519,
    };

    private static X509Certificate2 CreateEcdsa(ECCurve curve)
    {
        using ECDsa key = ECDsa.Create(curve);
        return SelfSign(new CertificateRequest($"CN={ServerName}", key, HashAlgorithmName.SHA256));
    }

    private static X509Certificate2 CreateRsa(X509KeyUsageFlags usage)
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new($"CN={ServerName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        return SelfSign(request);
    }

    private static X509Certificate2 SelfSign(CertificateRequest request)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(ServerName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));

        // A key that SslStream on every platform can use.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static HandshakeCredential CreateEd25519()
    {
        Ed25519PrivateKeyParameters key = Ed25519Key;
        X509V3CertificateGenerator generator = new();
        X509Name name = new($"CN={ServerName}");
        generator.SetSerialNumber(BigInteger.ValueOf(1));
        generator.SetIssuerDN(name);
        generator.SetSubjectDN(name);
        generator.SetNotBefore(DateTime.UtcNow.AddDays(-1));
        generator.SetNotAfter(DateTime.UtcNow.AddDays(30));
        generator.SetPublicKey(key.GeneratePublicKey());
        Org.BouncyCastle.X509.X509Certificate certificate = generator.Generate(new Asn1SignatureFactory("Ed25519", key));
        return HandshakeCredential.FromEd25519(key.GetEncoded(), [certificate.GetEncoded()]);
    }
}
