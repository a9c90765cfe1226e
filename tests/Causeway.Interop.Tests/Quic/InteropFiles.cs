using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Causeway.Interop.Tests.Quic;

/// <summary>What one test has on the disk: files to serve, a place for those that arrive, a certificate and its authority's.</summary>
internal sealed class InteropFiles : IDisposable
{
    // Thousands of small files are slow on a disk that others are busy with.
    private readonly string _folder = Path.Combine(
        Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"causeway-interop-{Guid.NewGuid():N}");

    private int _downloads;

    public InteropFiles(IReadOnlyList<int> sizes, bool hasLargeCertificate)
    {
        Directory.CreateDirectory(Root);
        foreach (int size in sizes)
        {
            string name = $"file{Names.Count}";
            File.WriteAllBytes(Path.Combine(Root, name), RandomNumberGenerator.GetBytes(size));
            Names.Add(name);
        }

        MakeCertificates(hasLargeCertificate);
    }

    public string Root => In("served");

    public List<string> Names { get; } = [];

    public string AuthorityFile => In("ca.pem");

    public string CertificateFile => In("cert.pem");

    public string KeyFile => In("key.pem");

    public string In(string name) => Path.Combine(_folder, name);

    /// <summary>An empty folder for what one client fetches.</summary>
    public string NewDownloadFolder()
    {
        string folder = In($"download{Interlocked.Increment(ref _downloads)}");
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Says what is missing or different in a download; null if nothing is.</summary>
    public string? Compare(string folder)
    {
        foreach (string name in Names)
        {
            string arrived = Path.Combine(folder, name);
            if (!File.Exists(arrived))
            {
                return $"{name} did not arrive";
            }

            if (!File.ReadAllBytes(arrived).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Root, name))))
            {
                return $"{name} arrived with {new FileInfo(arrived).Length} bytes that are not those of the {new FileInfo(Path.Combine(Root, name)).Length} served";
            }
        }

        return null;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void MakeCertificates(bool isLarge)
    {
        DateTimeOffset begin = DateTimeOffset.UtcNow.AddDays(-1);
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authorityRequest = new("CN=Causeway interop", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, false));
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(begin, begin.AddDays(30));
        File.WriteAllText(AuthorityFile, authority.ExportCertificatePem());

        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        for (int i = 0; i < (isLarge ? 250 : 0); i++)
        {
            // Ten kilobytes in all: three times what the client sends at first does not carry them (RFC 9000, 8.1).
            names.AddDnsName($"a-name-that-nobody-asks-for-{i}.example.com");
        }

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(authority, begin, begin.AddDays(20), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem() + "\n");
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
