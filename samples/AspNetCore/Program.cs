using System.Globalization;
using System.Net;
using System.Net.Quic;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Causeway;
using Causeway.AspNetCore;
using Causeway.Http3;
using Causeway.Quic;
using Microsoft.AspNetCore.Server.Kestrel.Core;

// Without arguments: serves, asks itself, prints what came over which protocol, ends. With a port: serves until it is stopped.
bool serves = args.Length > 0;
int port = serves ? int.Parse(args[0], CultureInfo.InvariantCulture) : 0;
using X509Certificate2 certificate = NewCertificate();
using CausewayKey key = CausewayKey.Create();

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.WebHost.UseKestrelHttpsConfiguration();
builder.WebHost.UseCauseway();
builder.WebHost.ConfigureKestrel(options =>
{
    options.Listen(IPAddress.Loopback, port, endpoint =>
    {
        endpoint.Protocols = HttpProtocols.Http3;
        endpoint.UseHttps(certificate);
    });

    // HTTP/2 over streams, for clients that speak it over Causeway, gRPC's among them.
    options.ListenCauseway(
        new IPEndPoint(IPAddress.Loopback, serves ? port + 1 : 0),
        new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key) },
        endpoint => endpoint.Protocols = HttpProtocols.Http2);
});

await using WebApplication app = builder.Build();
app.MapGet("/", (HttpContext context) =>
{
    CausewayConnection connection = context.Features.Get<ICausewayConnectionFeature>()!.Connection;
    return $"Hello over {context.Request.Protocol}, {connection.NegotiatedCipherSuite}, from {context.Connection.RemoteIpAddress}";
});
await app.StartAsync();
foreach (string url in app.Urls)
{
    Console.WriteLine($"Listening on {url}");
}

if (serves)
{
    // A browser takes QUIC's certificate from a known authority only, or by the key's hash.
    string hash = Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    Console.WriteLine(
        $"chromium --user-data-dir=h3-profile --origin-to-force-quic-on=localhost:{port} --ignore-certificate-errors-spki-list={hash} https://localhost:{port}/");
    await app.WaitForShutdownAsync();
    return 0;
}

#pragma warning disable CA1416 // It is only asked whether it works here.
Console.WriteLine($"System.Net.Quic works on this machine: {QuicListener.IsSupported}");
#pragma warning restore CA1416
IPEndPoint[] places = [.. app.Urls.Select(static url => new IPEndPoint(IPAddress.Loopback, int.Parse(url.Split(':')[^1].TrimEnd('/'), CultureInfo.InvariantCulture)))];
using (HttpClient http3 = new(new Http3ClientHandler((_, cancellationToken) => ConnectAsync(places[0], certificate, cancellationToken))))
{
    await PrintAsync(http3, $"https://localhost:{places[0].Port}/");
}

await using (CausewayHttpConnector connector = new(new CausewayClientOptions
{
    RemoteEndPoint = places[1],
    Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) },
}))
{
    using HttpClient http2 = new(new SocketsHttpHandler { ConnectCallback = connector.ConnectAsync })
    {
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };
    await PrintAsync(http2, "http://service/");
}

await app.StopAsync();
return 0;

static async Task PrintAsync(HttpClient client, string url)
{
    using HttpResponseMessage response = await client.GetAsync(new Uri(url));
    Console.WriteLine($"HTTP/{response.Version} {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
}

// The one certificate that this program made is the one that it trusts.
static ValueTask<CausewayConnection> ConnectAsync(IPEndPoint server, X509Certificate2 trusted, CancellationToken cancellationToken) =>
    CausewayConnection.ConnectAsync(
        new CausewayClientOptions
        {
            RemoteEndPoint = server,
            Profile = new QuicProfile
            {
                ClientAuthentication = new SslClientAuthenticationOptions
                {
                    TargetHost = "localhost",
                    ApplicationProtocols = [SslApplicationProtocol.Http3],
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetRawCertData().AsSpan().SequenceEqual(trusted.RawData) ?? false,
                },
            },
        },
        cancellationToken);

static X509Certificate2 NewCertificate()
{
    using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
    SubjectAlternativeNameBuilder names = new();
    names.AddDnsName("localhost");
    request.CertificateExtensions.Add(names.Build());
    DateTimeOffset now = TimeProvider.System.GetUtcNow();
    return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
}
