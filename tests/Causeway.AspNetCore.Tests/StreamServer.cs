using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Quic;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore.Tests;

/// <summary>Kestrel with HTTP/1.1 or HTTP/2 over streams. An orderly run logs no errors, which disposal checks.</summary>
internal sealed class StreamServer : IAsyncDisposable
{
    private static readonly CausewayKey s_key = CausewayKey.Create();

    private readonly WebApplication _app;
    private readonly Func<DatagramLinkBuilder, DatagramLinkBuilder>? _clientLink;
    private readonly TransportProfile _clientProfile;
    private bool _isStopped;

    private StreamServer(WebApplication app, LogCollector logs, TransportProfile clientProfile, Func<DatagramLinkBuilder, DatagramLinkBuilder>? clientLink)
    {
        _app = app;
        Logs = logs;
        _clientProfile = clientProfile;
        _clientLink = clientLink;
        DisplayedAddress = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        Address = new IPEndPoint(IPAddress.Loopback, int.Parse(DisplayedAddress.Split(':')[^1].TrimEnd('/'), null));
    }

    public LogCollector Logs { get; }

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
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        LogCollector logs = new();
        builder.Logging.ClearProviders().AddProvider(logs).SetMinimumLevel(LogLevel.Debug);
        build?.Invoke(builder);
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
            Timeout = KestrelServer.Patience,
        };

    public async Task StopAsync()
    {
        _isStopped = true;
        await _app.StopAsync().WaitAsync(KestrelServer.Patience);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isStopped)
        {
            await StopAsync();
        }

        await _app.DisposeAsync();
        string[] errors = [.. Logs.AtLeast(LogLevel.Error)];
        Assert.True(errors.Length == 0, string.Join('\n', errors));
    }
}
