using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>What the ends of a repeatable run identify themselves by.</summary>
/// <remarks>
/// The key is made anew in each process, but everything that depends on it is of the same length each time, so that a seed gives
/// the same run: signatures of ECDSA vary in length, those of RSA do not.
/// </remarks>
internal static class PeerCredentials
{
    private const string ServerName = "server.test";

    private static readonly ReadOnlyMemory<byte>[] s_protocols = [Encoding.ASCII.GetBytes("causeway/1")];
    private static readonly Lazy<HandshakeCredential> s_credential = new(static () => HandshakeCredential.FromCertificate(MakeCertificate()));

    public static TlsClientOptions Client { get; } =
        new() { ServerName = ServerName, ApplicationProtocols = s_protocols, Groups = [NamedGroup.X25519] };

    public static TlsServerOptions Server => new() { ApplicationProtocols = s_protocols, Credentials = [s_credential.Value] };

    private static X509Certificate2 MakeCertificate()
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new($"CN={ServerName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(ServerName);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(
            request.SubjectName,
            X509SignatureGenerator.CreateForRSA(key, RSASignaturePadding.Pkcs1),
            new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero),
            new DateTimeOffset(2045, 1, 1, 0, 0, 0, TimeSpan.Zero),
            [1, 2, 3, 4]);
        return made.CopyWithPrivateKey(key);
    }
}
