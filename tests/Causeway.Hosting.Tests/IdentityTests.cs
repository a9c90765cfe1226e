using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway.Quic;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Causeway.Hosting.Tests;

/// <summary>Each way in which two ends know each other, from files and configuration, over a real connection.</summary>
public sealed class IdentityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("causeway-hosting").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task OwnKeysInFilesAtBothEnds()
    {
        using CausewayKey server = CausewayKey.Create();
        using CausewayKey client = CausewayKey.Create();
        await AssertEchoesAsync(
            [("KeyFile", Write("server.key", server.ToPem())), ("Peers:0", client.Fingerprint)],
            [("KeyFile", Write("client.key", client.ToPem())), ("Peers:0", server.Fingerprint)]);
        await AssertRefusedAsync(
            [("KeyFile", Write("server.key", server.ToPem())), ("Peers:0", client.Fingerprint)],
            [("Peers:0", server.Fingerprint)]);
    }

    [Fact]
    public async Task AKeyInConfiguration()
    {
        using CausewayKey server = CausewayKey.Create();
        await AssertEchoesAsync([("Key", server.ToPem())], [("Peers:0", server.Fingerprint)]);
    }

    [Fact]
    public async Task ASharedSecretFromAFileAndFromConfiguration()
    {
        const string Secret = "correct horse battery staple";
        string file = Write("secret", $"{Secret}\n");
        await AssertEchoesAsync([("SharedSecretFile", file)], [("SharedSecret", Secret)]);
        await AssertRefusedAsync([("SharedSecretFile", file)], [("SharedSecret", "another")]);
    }

    [Theory]
    [InlineData("pem")]
    [InlineData("encrypted pem")]
    [InlineData("pfx")]
    public async Task CertificatesOfAnAuthority(string kind)
    {
        (X509Certificate2 authority, X509Certificate2 own) = MakeCertificates();
        using (authority)
        using (own)
        {
            string authorityFile = Write("authority.pem", authority.ExportCertificatePem());
            using ECDsa key = own.GetECDsaPrivateKey()!;
            (string Key, string? Value)[] server = kind switch
            {
                "pem" => [("CertificateFile", Write("server.pem", own.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem()))],
                "pfx" => [("CertificateFile", Write("server.pfx", own.Export(X509ContentType.Pkcs12, "word"))), ("CertificatePassword", "word")],
                _ =>
                [
                    ("CertificateFile", Write("server.pem", own.ExportCertificatePem())),
                    ("CertificateKeyFile", Write("server.key", key.ExportEncryptedPkcs8PrivateKeyPem(
                        "word", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)))),
                    ("CertificatePassword", "word"),
                ],
            };
            await AssertEchoesAsync(server, [("AuthorityFile", authorityFile), ("TargetHost", "server.test")]);
            await AssertRefusedAsync(server, [("AuthorityFile", authorityFile), ("TargetHost", "another.test")]);

            // The listener asks for a certificate of the same authority: with one it goes, without it does not.
            (string, string?)[] asking = [.. server, ("AuthorityFile", authorityFile)];
            await AssertEchoesAsync(asking, [.. server, ("AuthorityFile", authorityFile), ("TargetHost", "server.test")]);
            await AssertRefusedAsync(asking, [("AuthorityFile", authorityFile), ("TargetHost", "server.test")]);
        }
    }

    [Fact]
    public async Task AFileOfKcptun() => await AssertEchoesAsync(
        [("KcptunFile", Write("server.json", """{"listen":"127.0.0.1:1","key":"one","crypt":"aes-128-gcm"}"""))],
        [("KcptunFile", Write("client.json", """{"remoteaddr":"127.0.0.1:1","key":"one","crypt":"aes-128-gcm"}"""))]);

    [Fact]
    public async Task RelativePathsAreBelowTheContentRoot()
    {
        Write("secret", "correct horse battery staple");
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = _folder });
        builder.Services.AddCauseway().AddListener("echo", TestHost.EchoAsync, static settings =>
        {
            settings.EndPoint = "127.0.0.1:0";
            settings.SharedSecretFile = "secret";
        });
        using IHost host = builder.Build();
        await host.StartAsync().Guarded();
        using IHost connecting = await ConnectingAsync(host, [("SharedSecret", "correct horse battery staple")]);
        CausewayConnection connection = await connecting.Clients().GetConnectionAsync("echo").Guarded();
        Assert.Equal([1], await connection.AskAsync([1]));
        await connecting.StopAsync().Guarded();
        await host.StopAsync().Guarded();
    }

    private static (X509Certificate2 Authority, X509Certificate2 Own) MakeCertificates()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authorityRequest = new("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        X509Certificate2 authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=server.test", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("server.test");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(authority, now.AddDays(-1), now.AddDays(20), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = made.CopyWithPrivateKey(key);
        return (authority, X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable));
    }

    private static async Task AssertEchoesAsync((string Key, string? Value)[] server, (string Key, string? Value)[] client)
    {
        byte[] hello = "hello"u8.ToArray();
        using IHost listening = await ListenAsync(server);
        using IHost connecting = await ConnectingAsync(listening, client);
        CausewayConnection connection = await connecting.Clients().GetConnectionAsync("echo").Guarded();
        Assert.Equal(hello, await connection.AskAsync(hello));
        await connecting.StopAsync().Guarded();
        await listening.StopAsync().Guarded();
    }

    private static async Task AssertRefusedAsync((string Key, string? Value)[] server, (string Key, string? Value)[] client)
    {
        using IHost listening = await ListenAsync(server);
        using IHost connecting = await ConnectingAsync(listening, client);

        // A client may be done with the handshake before the server refuses its certificate (RFC 8446, 4.4).
        TransportException error = await Assert.ThrowsAsync<TransportException>(async () =>
        {
            CausewayConnection connection = await connecting.Clients().GetConnectionAsync("echo").Guarded();
            await connection.AskAsync([1]);
        });
        Assert.Equal(TransportError.ProtocolViolation, error.Error);
        await connecting.StopAsync().Guarded();
        await listening.StopAsync().Guarded();
    }

    private static async Task<IHost> ListenAsync((string Key, string? Value)[] settings)
    {
        IHost host = TestHost.Create(
            static builder => builder.AddListener("echo", TestHost.EchoAsync),
            log: null,
            [("Causeway:Listeners:echo:EndPoint", "127.0.0.1:0"), .. settings.Select(static one => ($"Causeway:Listeners:echo:{one.Key}", one.Value))]);
        await host.StartAsync().Guarded();
        return host;
    }

    private static async Task<IHost> ConnectingAsync(IHost listening, (string Key, string? Value)[] settings)
    {
        IHost host = TestHost.Create(
            static builder => builder.AddClient("echo"),
            log: null,
            [("Causeway:Clients:echo:EndPoint", listening.Listener().LocalEndPoint.ToString()), .. settings.Select(static one => ($"Causeway:Clients:echo:{one.Key}", one.Value))]);
        await host.StartAsync().Guarded();
        return host;
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
