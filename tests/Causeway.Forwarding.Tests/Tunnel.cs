using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;

namespace Causeway.Forwarding.Tests;

/// <summary>A client and a server of the forwarder over loopback UDP, in front of a target.</summary>
internal sealed class Tunnel : IAsyncDisposable
{
    private readonly KcptunProfile _clientProfile;
    private readonly KcptunProfile _serverProfile;
    private readonly ForwardServerOptions _serverOptions;

    private Tunnel(KcptunProfile clientProfile, KcptunProfile serverProfile, ForwardServerOptions serverOptions, ForwardServer server)
    {
        _clientProfile = clientProfile;
        _serverProfile = serverProfile;
        _serverOptions = serverOptions;
        Server = server;
    }

    public ForwardServer Server { get; private set; }

    public ForwardClient Client { get; private set; } = null!;

    public ListLogger ClientLog { get; } = new();

    public required ListLogger ServerLog { get; init; }

    public static async Task<Tunnel> StartAsync(
        ForwardEndPoint target,
        Func<KcptunConfig, KcptunConfig>? configure = null,
        Func<KcpProfile, KcpProfile>? layers = null,
        Func<ForwardClientOptions, ForwardClientOptions>? client = null,
        Func<ForwardServerOptions, ForwardServerOptions>? server = null)
    {
        configure ??= static config => config;
        layers ??= static profile => profile;
        KcptunProfile clientProfile = new(configure(new KcptunClientConfig { RemoteAddress = "127.0.0.1:1", Key = "test" }));
        KcptunProfile serverProfile = new(configure(new KcptunServerConfig { Listen = "127.0.0.1:1", Key = "test" }));
        ListLogger serverLog = new();
        ForwardServerOptions serverOptions = new()
        {
            Listeners =
            [
                serverProfile.NewListenerOptions()[0] with
                {
                    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                    Profile = layers(serverProfile.Transport),
                },
            ],
            Target = target,
            CloseWait = TimeSpan.FromSeconds(30),
            Logger = serverLog,
        };
        serverOptions = server?.Invoke(serverOptions) ?? serverOptions;
        ForwardServer started = await ForwardServer.StartAsync(serverOptions).Guarded();
        EndPoint address = started.LocalEndPoints[0];
        Tunnel tunnel = new(clientProfile, serverProfile, serverOptions, started) { ServerLog = serverLog };
        ForwardClientOptions clientOptions = new()
        {
            Listen = ForwardEndPoint.Parse("127.0.0.1:0"),
            Connection = () => clientProfile.NewClientOptions() with
            {
                RemoteEndPoint = address,
                Profile = layers(clientProfile.Transport),
            },
            Logger = tunnel.ClientLog,
        };
        tunnel.Client = ForwardClient.Start(client?.Invoke(clientOptions) ?? clientOptions);
        return tunnel;
    }

    public Task<Socket> ConnectAsync() => Sockets.ConnectAsync(Client.LocalEndPoint);

    /// <summary>Stops the server, and starts another one on its port.</summary>
    public async Task RestartServerAsync()
    {
        IPEndPoint address = (IPEndPoint)Server.LocalEndPoints[0];
        await Server.DisposeAsync().Guarded();
        Server = await ForwardServer.StartAsync(_serverOptions with
        {
            Listeners = [_serverOptions.Listeners[0] with { ListenEndPoint = address }],
        }).Guarded();
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().Guarded();
        await Server.DisposeAsync().Guarded();
        _clientProfile.Dispose();
        _serverProfile.Dispose();
    }
}

/// <summary>A TCP server that sends back what it gets, and ends when the other side does.</summary>
internal sealed class EchoTarget : IAsyncDisposable
{
    private readonly Socket _listener = Sockets.Listen();
    private readonly Task _serving;

    public EchoTarget() => _serving = ServeAsync();

    public ForwardEndPoint EndPoint => ForwardEndPoint.From((IPEndPoint)_listener.LocalEndPoint!);

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving.Guarded();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                _ = EchoAsync(await _listener.AcceptAsync());
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                byte[] buffer = new byte[65536];
                while (await socket.ReceiveAsync(buffer, SocketFlags.None) is > 0 and int count)
                {
                    await socket.SendAllAsync(buffer.AsMemory(0, count));
                }

                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
            }
        }
    }
}
