using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;
using Causeway.Quic;

namespace Causeway.Forwarding.Tests.Tunnels;

/// <summary>A client and a server of the tunnel protocol over loopback.</summary>
internal sealed class TunnelPair : IAsyncDisposable
{
    private readonly CausewayKey _key;
    private readonly Func<CausewayClientOptions> _connection;
    private ForwardServerOptions _serverOptions;

    private TunnelPair(CausewayKey key, Func<CausewayClientOptions> connection, ForwardServerOptions serverOptions, ForwardServer server)
    {
        _key = key;
        _connection = connection;
        _serverOptions = serverOptions;
        Server = server;
    }

    public ForwardServer Server { get; private set; }

    public TunnelClient Client { get; private set; } = null!;

    public ListLogger ClientLog { get; } = new();

    public ListLogger ServerLog { get; private init; } = new();

    public static Task<TunnelPair> StartAsync(TunnelPolicy policy, params TunnelForward[] forwards) =>
        StartAsync(options => options with { Tunnels = policy }, options => options with { Forwards = forwards });

    /// <param name="server">Changes the server's options.</param>
    /// <param name="client">Changes the client's options.</param>
    /// <param name="serverProtocols">What the server offers; by default tunnels, and bare streams.</param>
    public static async Task<TunnelPair> StartAsync(
        Func<ForwardServerOptions, ForwardServerOptions> server,
        Func<TunnelClientOptions, TunnelClientOptions>? client = null,
        IReadOnlyList<SslApplicationProtocol>? serverProtocols = null)
    {
        CausewayKey key = CausewayKey.Create();
        ListLogger serverLog = new();
        ForwardServerOptions serverOptions = server(new ForwardServerOptions
        {
            Listeners =
            [
                new CausewayListenerOptions
                {
                    Profile = new QuicProfile
                    {
                        ServerAuthentication = ServerAuthentication.WithKey(key)
                            .WithApplicationProtocols(serverProtocols ?? [TunnelProtocol.Name, ClientAuthentication.DefaultProtocol]),
                    },
                    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                },
            ],
            Logger = serverLog,
        });
        ForwardServer started = await ForwardServer.StartAsync(serverOptions).Guarded();
        EndPoint address = started.LocalEndPoints[0];
        CausewayClientOptions Connection() => new()
        {
            Profile = new QuicProfile
            {
                ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint)
                    .WithApplicationProtocols(TunnelProtocol.Name, ClientAuthentication.DefaultProtocol),
            },
            RemoteEndPoint = address,
        };
        TunnelPair pair = new(key, Connection, serverOptions, started) { ServerLog = serverLog };
        TunnelClientOptions options = new() { Connection = Connection, Logger = pair.ClientLog };
        pair.Client = await TunnelClient.StartAsync(client?.Invoke(options) ?? options).Guarded();
        return pair;
    }

    /// <summary>Connects to one of the client's ports.</summary>
    public Task<Socket> ConnectAsync(int port = 0) => Sockets.ConnectAsync(Client.LocalEndPoints[port]);

    /// <summary>A bare connection to the server, for a peer that the test plays itself.</summary>
    public ValueTask<CausewayConnection> ConnectBareAsync() => CausewayConnection.ConnectAsync(_connection());

    /// <summary>Stops the server, and starts another one on its port.</summary>
    public async Task RestartServerAsync()
    {
        IPEndPoint address = (IPEndPoint)Server.LocalEndPoints[0];
        await Server.DisposeAsync().Guarded();
        _serverOptions = _serverOptions with { Listeners = [_serverOptions.Listeners[0] with { ListenEndPoint = address }] };
        Server = await ForwardServer.StartAsync(_serverOptions).Guarded();
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().Guarded();
        await Server.DisposeAsync().Guarded();
        _key.Dispose();
    }
}
