using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Causeway.AspNetCore.Tests;

/// <summary>Self-signed certificates for names that exist in tests only.</summary>
internal static class TestCertificate
{
    public const string Name = "kestrel.test";

    public static X509Certificate2 Default { get; } = Create(Name);

    public static X509Certificate2 Create(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
