using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway.Quic.Handshake.Certificates;

namespace Causeway.Quic;

/// <summary>
/// An end's own key, for people without a certificate authority: as with ssh, the other end knows it by its fingerprint. ECDSA on
/// P-256 with a self-signed certificate around it, which TLS wants.
/// </summary>
public sealed class CausewayKey : IDisposable
{
    private const string FingerprintPrefix = "sha256:";

    // The certificate says nothing but the key: its dates must not be in anybody's way.
    private static readonly DateTimeOffset s_notBefore = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_notAfter = new(9999, 12, 31, 0, 0, 0, TimeSpan.Zero);

    private readonly X509Certificate2 _certificate;

    private CausewayKey(ECDsa key)
    {
        using (key)
        {
            CertificateRequest request = new("CN=causeway", key, HashAlgorithmName.SHA256);
            Secret = ServerSecret.Of(key);
            _certificate = request.CreateSelfSigned(s_notBefore, s_notAfter);
        }

        Fingerprint = FingerprintPrefix + Convert.ToHexStringLower(PinnedKeys.FingerprintOf(_certificate));
        Context = SslStreamCertificateContext.Create(_certificate, additionalCertificates: null, offline: true);
    }

    /// <summary>
    /// What others know the key by: "sha256:" and the SHA-256 of the public key (its SubjectPublicKeyInfo), in hexadecimal.
    /// </summary>
    public string Fingerprint { get; }

    internal SslStreamCertificateContext Context { get; }

    /// <summary>What a server with this key derives its other keys from.</summary>
    internal byte[] Secret { get; }

    /// <summary>Makes a new key.</summary>
    public static CausewayKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a private key in PEM (PKCS #8 or SEC 1), as <see cref="ToPem"/> wrote it.</summary>
    /// <exception cref="ArgumentException">It is not a private key in PEM, or not one of ECDSA.</exception>
    public static CausewayKey FromPem(ReadOnlySpan<char> pem)
    {
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            return new CausewayKey(key);
        }
        catch (CryptographicException error)
        {
            key.Dispose();
            throw new ArgumentException($"The PEM holds no private key of ECDSA: {error.Message}", nameof(pem), error);
        }
    }

    /// <summary>The private key in PEM (PKCS #8, not encrypted). Keep it where nobody else reads it.</summary>
    public string ToPem()
    {
        using ECDsa key = _certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>Forgets the key.</summary>
    public void Dispose() => _certificate.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Fingerprint;

    /// <summary>The bytes of a fingerprint.</summary>
    /// <exception cref="ArgumentException">It is not one.</exception>
    internal static ReadOnlyMemory<byte> ParseFingerprint(string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        string digits = fingerprint.StartsWith(FingerprintPrefix, StringComparison.OrdinalIgnoreCase)
            ? fingerprint[FingerprintPrefix.Length..].Replace(":", "", StringComparison.Ordinal)
            : "";
        if (digits.Length != 2 * SHA256.HashSizeInBytes || !digits.All(char.IsAsciiHexDigit))
        {
            throw new ArgumentException(
                $"\"{fingerprint}\" is not a fingerprint; one is \"sha256:\" and 64 hexadecimal digits.", nameof(fingerprint));
        }

        return Convert.FromHexString(digits);
    }
}
