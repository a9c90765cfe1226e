using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.Quic;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Tests;

/// <summary>Certificates and names as Kestrel is configured with them.</summary>
public sealed class TlsTests
{
    private const string Other = "other.test";

    private static readonly X509Certificate2 s_other = TestCertificate.Create(Other);

    [Fact]
    public async Task TheSelectorChoosesByName()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"),
            listen: static endpoint => endpoint.UseHttps(static https =>
                https.ServerCertificateSelector = static (_, name) => name == Other ? s_other : TestCertificate.Default));
        Assert.Equal($"CN={Other}", await SubjectForAsync(server, Other));
        Assert.Equal($"CN={TestCertificate.Name}", await SubjectForAsync(server, TestCertificate.Name));
        Assert.Equal($"CN={TestCertificate.Name}", await SubjectForAsync(server, "third.test"));
    }

    [Fact]
    public async Task TheCallbackForTheHandshakeChoosesOptionsAndKnowsTheConnection()
    {
        ConcurrentQueue<string> asked = [];
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static (HttpContext context) => context.Features.Get<IMark>()?.Text),
            listen: endpoint => endpoint.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnectionState = "state",
                OnConnection = context =>
                {
                    asked.Enqueue($"{context.ClientHelloInfo.ServerName} {context.State} {((IPEndPoint)context.Connection.RemoteEndPoint!).Address} {context.Connection.LocalEndPoint}");
                    context.Connection.Features.Set<IMark>(new Mark("set before the handshake"));
                    return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = TestCertificate.Default });
                },
            }));
        using HttpClient client = server.NewClient();
        Assert.Equal("set before the handshake", await client.GetStringAsync("/"));
        Assert.Equal($"{TestCertificate.Name} state 127.0.0.1 {server.Address}", Assert.Single(asked));
    }

    [Fact]
    public async Task ACallbackThatThrowsRefusesTheClientAndNobodyElse()
    {
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"),
            listen: static endpoint => endpoint.UseHttps(static (_, hello, _, _) => hello.ServerName == Other
                ? throw new InvalidOperationException("Nothing is known of that name.")
                : ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = TestCertificate.Default }), new object()));
        TransportException refused = await Assert.ThrowsAsync<TransportException>(() => server.ConnectAsync(Other).AsTask());
        Assert.True(refused.IsByPeer);
        using HttpClient client = server.NewClient();
        Assert.Equal("fine", await client.GetStringAsync("/"));
        Assert.Contains(server.Logs.AtLeast(LogLevel.Warning), static line => line.Contains("Nothing is known of that name.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NamesComeFromConfiguration()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("causeway-kestrel-");
        try
        {
            string first = Write(folder, "first", TestCertificate.Default);
            string second = Write(folder, "second", s_other);
            await using KestrelServer server = await KestrelServer.StartAsync(
                static app => app.MapGet("/", static (HttpContext context) => context.Request.Protocol),
                build: builder => builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
                {
                    ["Kestrel:Endpoints:H3:Url"] = "https://127.0.0.1:0",
                    ["Kestrel:Endpoints:H3:Protocols"] = "Http3",
                    ["Kestrel:Endpoints:H3:Sni:other.test:Certificate:Path"] = second,
                    ["Kestrel:Endpoints:H3:Sni:*:Certificate:Path"] = first,
                }),
                listensByItself: false);
            Assert.Equal($"CN={Other}", await SubjectForAsync(server, Other));
            Assert.Equal($"CN={TestCertificate.Name}", await SubjectForAsync(server, TestCertificate.Name));
            using HttpClient client = server.NewClient();
            Assert.Equal("HTTP/3", await client.GetStringAsync("/"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static string Write(DirectoryInfo folder, string name, X509Certificate2 certificate)
        {
            string path = Path.Combine(folder.FullName, $"{name}.pfx");
            File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx));
            return path;
        }
    }

    [Theory]
    [InlineData(ClientCertificateMode.AllowCertificate, true)]
    [InlineData(ClientCertificateMode.AllowCertificate, false)]
    [InlineData(ClientCertificateMode.RequireCertificate, true)]
    public async Task ClientCertificatesReachTheApplication(ClientCertificateMode mode, bool shows)
    {
        using X509Certificate2 own = TestCertificate.Create("client.test");
        await using KestrelServer server = await StartWithClientCertificatesAsync(mode);
        using HttpClient client = server.NewClient(own: shows ? own : null);
        Assert.Equal(shows ? "CN=client.test CN=client.test" : "none none", await client.GetStringAsync("/"));
    }

    [Theory]
    [InlineData("stranger.test")]
    [InlineData(null)]
    public async Task ClientsWithoutTheRightCertificateAreRefused(string? name)
    {
        using X509Certificate2? own = name is null ? null : TestCertificate.Create(name);
        await using KestrelServer server = await StartWithClientCertificatesAsync(ClientCertificateMode.RequireCertificate);
        using HttpClient client = server.NewClient(own: own);

        // A client of TLS 1.3 is through with the handshake before the server has seen its certificate.
        HttpRequestException error = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync("/"));
        Assert.IsAssignableFrom<IOException>(error.InnerException);
    }

    [Fact]
    public async Task AKeyOfItsOwnServesWithoutCertificates()
    {
        using CausewayKey key = CausewayKey.Create();
        await using KestrelServer server = await KestrelServer.StartAsync(
            static app => app.MapGet("/", static () => "fine"),
            transport => transport.ConfigureProfile = profile => profile with
            {
                ServerAuthentication = ServerAuthentication.WithKey(key).WithApplicationProtocols(SslApplicationProtocol.Http3),
            });
        using HttpClient client = new(new Http3ClientHandler((_, cancellationToken) => CausewayConnection.ConnectAsync(
            new CausewayClientOptions
            {
                RemoteEndPoint = server.Address,
                Profile = new QuicProfile
                {
                    ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint).WithApplicationProtocols(SslApplicationProtocol.Http3),
                },
            },
            cancellationToken)));
        Assert.Equal("fine", await client.GetStringAsync(server.Root));
    }

    private static Task<KestrelServer> StartWithClientCertificatesAsync(ClientCertificateMode mode) => KestrelServer.StartAsync(
        static app => app.MapGet("/", static async (HttpContext context) =>
        {
            X509Certificate2? asked = await context.Connection.GetClientCertificateAsync();
            return $"{context.Connection.ClientCertificate?.Subject ?? "none"} {asked?.Subject ?? "none"}";
        }),
        listen: endpoint => endpoint.UseHttps(https =>
        {
            https.ServerCertificate = TestCertificate.Default;
            https.ClientCertificateMode = mode;
            https.ClientCertificateValidation = static (certificate, _, _) => certificate.Subject == "CN=client.test";
        }));

    private static async Task<string?> SubjectForAsync(KestrelServer server, string name)
    {
        string? subject = null;
        await using CausewayConnection connection = await server.ConnectAsync(name, certificate => subject = certificate.Subject);
        return subject;
    }

    private interface IMark
    {
        string Text { get; }
    }

    private sealed record Mark(string Text) : IMark;
}
