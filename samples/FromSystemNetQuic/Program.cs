using System.Net.Quic;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FromSystemNetQuic;

using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
DateTimeOffset now = DateTimeOffset.UtcNow;
using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));

if (args is not ["--system"])
{
    await OverCauseway.RunAsync(certificate, Console.Out);
    return 0;
}

if ((OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows()) && QuicListener.IsSupported)
{
    await OverSystemNetQuic.RunAsync(certificate, Console.Out);
    return 0;
}

Console.Error.WriteLine("System.Net.Quic is not supported here: it needs the native library msquic.");
return 1;
