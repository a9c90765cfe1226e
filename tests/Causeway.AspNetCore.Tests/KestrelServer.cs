using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Http3;
using Causeway.Links;
using Causeway.Quic;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Tests;

/// <summary>Kestrel with HTTP/3 over Causeway, on a free port of the loopback. An orderly run logs no errors, which disposal checks.</summary>
internal sealed class KestrelServer : RunningServer
{
    private KestrelServer(WebApplication app, LogCollector logs)
        : base(app, logs) =>
        Address = new IPEndPoint(IPAddress.Loopback, new Uri(Addresses.First()).Port);

    public IPEndPoint Address { get; }

    public Uri Root => new($"https://{TestCertificate.Name}:{Address.Port}/");

    public static async Task<KestrelServer> StartAsync(
        Action<WebApplication> map,
        Action<CausewayTransportOptions>? transport = null,
        Action<KestrelServerOptions>? kestrel = null,
        Action<ListenOptions>? listen = null,
        Action<WebApplicationBuilder>? build = null,
        bool listensByItself = true)
    {
        (WebApplicationBuilder builder, LogCollector logs) = NewBuilder(build);
        builder.WebHost.UseCauseway(transport ?? (static _ => { }));
        builder.WebHost.ConfigureKestrel(options =>
        {
            kestrel?.Invoke(options);
            if (!listensByItself)
            {
                return;
            }

            options.Listen(IPAddress.Loopback, 0, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http3;
                if (listen is null)
                {
                    endpoint.UseHttps(TestCertificate.Default);
                }
                else
                {
                    listen(endpoint);
                }
            });
        });
        WebApplication app = builder.Build();
        map(app);
        await app.StartAsync();
        return new KestrelServer(app, logs);
    }

    public ValueTask<CausewayConnection> ConnectAsync(
        string name = TestCertificate.Name,
        Action<X509Certificate2>? seen = null,
        X509Certificate2? own = null,
        Func<DatagramLinkBuilder, DatagramLinkBuilder>? configureLink = null,
        CancellationToken cancellationToken = default) => CausewayConnection.ConnectAsync(
        new CausewayClientOptions
        {
            RemoteEndPoint = Address,
            ConfigureLink = configureLink,
            Profile = new QuicProfile
            {
                ClientAuthentication = new SslClientAuthenticationOptions
                {
                    TargetHost = name,
                    ApplicationProtocols = [SslApplicationProtocol.Http3],
                    ClientCertificateContext = own is null ? null : SslStreamCertificateContext.Create(own, null, offline: true),
                    RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    {
                        seen?.Invoke((X509Certificate2)certificate!);
                        return certificate is not null;
                    },
                },
            },
        },
        cancellationToken);

    public HttpClient NewClient(string name = TestCertificate.Name, Action<X509Certificate2>? seen = null, X509Certificate2? own = null) =>
        new(new Http3ClientHandler((_, cancellationToken) => ConnectAsync(name, seen, own, configureLink: null, cancellationToken))) { BaseAddress = Root, Timeout = Patience };
}
