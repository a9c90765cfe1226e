using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Quic;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Tests;

/// <summary>Kestrel with HTTP/1.1 or HTTP/2 over streams. An orderly run logs no errors, which disposal checks.</summary>
internal sealed class StreamServer : RunningServer
{
    private static readonly CausewayKey s_key = CausewayKey.Create();

    private readonly Func<DatagramLinkBuilder, DatagramLinkBuilder>? _clientLink;
    private readonly TransportProfile _clientProfile;

    private StreamServer(WebApplication app, LogCollector logs, TransportProfile clientProfile, Func<DatagramLinkBuilder, DatagramLinkBuilder>? clientLink)
        : base(app, logs)
    {
        _clientProfile = clientProfile;
        _clientLink = clientLink;
        DisplayedAddress = Addresses.Single();
        Address = new IPEndPoint(IPAddress.Loopback, int.Parse(DisplayedAddress.Split(':')[^1].TrimEnd('/'), null));
    }

    public string DisplayedAddress { get; }

    public IPEndPoint Address { get; }

    public static TransportProfile Listening => new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(s_key) };

    public static TransportProfile Connecting => new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(s_key.Fingerprint) };

    public static async Task<StreamServer> StartAsync(
        Action<WebApplication> map,
        HttpProtocols protocols,
        Action<WebApplicationBuilder>? build = null,
        TransportProfile? listening = null,
        TransportProfile? connecting = null,
        Func<DatagramLinkBuilder, DatagramLinkBuilder>? clientLink = null)
    {
        (WebApplicationBuilder builder, LogCollector logs) = NewBuilder(build);
        builder.WebHost.UseCauseway();
        builder.WebHost.ConfigureKestrel(options => options.ListenCauseway(
            new IPEndPoint(IPAddress.Loopback, 0), listening ?? Listening, endpoint => endpoint.Protocols = protocols));
        WebApplication app = builder.Build();
        map(app);
        await app.StartAsync();
        return new StreamServer(app, logs, connecting ?? Connecting, clientLink);
    }

    public CausewayHttpConnector NewConnector() => new(new CausewayClientOptions
    {
        RemoteEndPoint = Address,
        Profile = _clientProfile,
        ConfigureLink = _clientLink,
    });

    public static HttpClient NewClient(CausewayHttpConnector connector, Version version) =>
        new(new SocketsHttpHandler { ConnectCallback = connector.ConnectAsync })
        {
            BaseAddress = new Uri("http://service.test/"),
            DefaultRequestVersion = version,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Patience,
        };
}
