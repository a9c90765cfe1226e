using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Causeway.Quic;

namespace Causeway.Hosting;

/// <summary>Reads keys, certificates and secrets from where settings say they are. What it made, it disposes.</summary>
internal sealed class IdentityReader(CausewayEndSettings settings, HostServices services) : IDisposable
{
    private readonly HiddenSettings _hidden = settings.Hidden();
    private readonly List<IDisposable> _made = [];

    public bool HasKey => _hidden.Key is not null || settings.KeyFile is not null;

    public bool HasCertificate => _hidden.Certificate is not null || settings.CertificateFile is not null;

    public bool HasSharedSecret => _hidden.SharedSecret is not null || settings.SharedSecretFile is not null;

    /// <summary>This end's own key.</summary>
    /// <exception cref="SettingsException">It cannot be read.</exception>
    public CausewayKey ReadKey()
    {
        if (_hidden.Key is { } text)
        {
            return Keep(ToKey(text.Reveal(), nameof(_hidden.Key)));
        }

        string setting = Name(nameof(settings.KeyFile), settings.KeyFile!);
        byte[] bytes = ReadFile(setting, settings.KeyFile!);
        char[] chars = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
        try
        {
            int length = Encoding.UTF8.GetChars(bytes, chars);
            return Keep(ToKey(chars.AsSpan(0, length), setting));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
            chars.AsSpan().Clear();
        }
    }

    /// <summary>The secret that both ends share.</summary>
    /// <exception cref="SettingsException">It cannot be read, or is empty.</exception>
    public string ReadSharedSecret()
    {
        if (_hidden.SharedSecret is { } text)
        {
            return text.Reveal();
        }

        string setting = Name(nameof(settings.SharedSecretFile), settings.SharedSecretFile!);
        byte[] bytes = ReadFile(setting, settings.SharedSecretFile!);
        string secret = Encoding.UTF8.GetString(bytes).Trim();
        CryptographicOperations.ZeroMemory(bytes);
        return secret.Length > 0 ? secret : throw new SettingsException($"{setting} is an empty file; it must hold the secret.");
    }

    /// <summary>This end's certificate with its private key and intermediates.</summary>
    /// <exception cref="SettingsException">It cannot be read, or has no private key.</exception>
    public SslStreamCertificateContext ReadCertificate()
    {
        X509Certificate2Collection intermediates = [];
        X509Certificate2 certificate = _hidden.Certificate ?? LoadCertificate(intermediates);
        return certificate.HasPrivateKey
            ? SslStreamCertificateContext.Create(certificate, intermediates, offline: true)
            : throw new SettingsException(
                $"{(_hidden.Certificate is null ? Name(nameof(settings.CertificateFile), settings.CertificateFile!) : "The certificate")} has no private key; "
                + $"it must be in the file or in {nameof(settings.CertificateKeyFile)}.");
    }

    /// <summary>What certificates of the other end are checked by; null for the system's way.</summary>
    /// <exception cref="SettingsException">The file cannot be read, or has no certificate.</exception>
    public X509ChainPolicy? ReadAuthorities()
    {
        if (settings.AuthorityFile is not { } file)
        {
            return null;
        }

        string setting = Name(nameof(settings.AuthorityFile), file);
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        byte[] bytes = ReadFile(setting, file);
        try
        {
            policy.CustomTrustStore.ImportFromPem(Encoding.UTF8.GetString(bytes));
        }
        catch (CryptographicException error)
        {
            throw new SettingsException($"{setting} cannot be read: {error.Message}", error);
        }

        _made.AddRange(policy.CustomTrustStore);
        return policy.CustomTrustStore.Count > 0
            ? policy
            : throw new SettingsException($"{setting} has no certificate; it must have one at least, in PEM.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable made in _made)
        {
            made.Dispose();
        }

        _made.Clear();
    }

    private static CausewayKey ToKey(ReadOnlySpan<char> pem, string setting)
    {
        try
        {
            return CausewayKey.FromPem(pem);
        }
        catch (ArgumentException error)
        {
            // The inner message says what PEM it is not, and nothing of the key.
            throw new SettingsException($"{setting} holds no private key of ECDSA on P-256 in PEM.", error);
        }
    }

    private X509Certificate2 LoadCertificate(X509Certificate2Collection intermediates)
    {
        string setting = Name(nameof(settings.CertificateFile), settings.CertificateFile!);
        string file = services.PathOf(settings.CertificateFile!);
        string? password = _hidden.CertificatePassword?.Reveal();
        try
        {
            if (Path.GetExtension(file).ToUpperInvariant() is ".PFX" or ".P12")
            {
                return Keep(X509CertificateLoader.LoadPkcs12FromFile(file, password));
            }

            string keyFile = settings.CertificateKeyFile is { } other ? services.PathOf(other) : file;
            X509Certificate2 certificate = Keep(password is null
                ? X509Certificate2.CreateFromPemFile(file, keyFile)
                : X509Certificate2.CreateFromEncryptedPemFile(file, password, keyFile));
            intermediates.ImportFromPemFile(file);
            _made.AddRange(intermediates);
            return certificate;
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"{setting} (with {nameof(settings.CertificateKeyFile)} {settings.CertificateKeyFile ?? "unset"}) cannot be read: {error.Message}", error);
        }
    }

    private byte[] ReadFile(string setting, string path)
    {
        try
        {
            return File.ReadAllBytes(services.PathOf(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SettingsException($"{setting} cannot be read: {error.Message}", error);
        }
    }

    private static string Name(string setting, string file) => $"{setting} \"{file}\"";

    private T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }
}
