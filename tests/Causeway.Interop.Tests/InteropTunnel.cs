using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Causeway.Forwarding;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Links;
using Causeway.Testing;

namespace Causeway.Interop.Tests;

/// <summary>Which end of the tunnel is ours.</summary>
public enum OurEnd
{
    Client,
    Server,
}

/// <summary>
/// A tunnel with one end of ours, made from kcptun's own flags, and one end that is the real kcptun, in front of a TCP echo.
/// </summary>
internal sealed class InteropTunnel : IAsyncDisposable
{
    private readonly EchoService _echo = new();
    private readonly List<IDisposable> _disposables = [];
    private ForwardClient? _client;
    private ForwardServer? _server;
    private KcptunProcess? _peer;
    private IPEndPoint? _udp;

    private InteropTunnel(OurEnd ours, string[] ourFlags, string[] theirFlags, double loss)
    {
        Ours = ours;
        OurFlags = ourFlags;
        TheirFlags = theirFlags;
        Loss = loss;
    }

    public OurEnd Ours { get; }

    /// <summary>Where to connect in order to reach the echo.</summary>
    public IPEndPoint Entrance { get; private set; } = new(IPAddress.None, 0);

    /// <summary>Our end's counters.</summary>
    public ForwardingStatistics Statistics => _client?.Statistics ?? _server!.Statistics;

    public string PeerLog => _peer?.Log ?? "";

    private IPAddress Dialled { get; init; } = IPAddress.Loopback;

    private bool ListensOnAny { get; init; }

    private string[] OurFlags { get; }

    private string[] TheirFlags { get; }

    private double Loss { get; }

    public static Task<InteropTunnel> StartAsync(OurEnd ours, params string[] flags) => StartAsync(ours, flags, flags, loss: 0);

    /// <summary>Starts a tunnel whose server listens on any address, and whose client dials this one.</summary>
    public static Task<InteropTunnel> StartAsync(OurEnd ours, IPAddress dialled, params string[] flags) =>
        StartAsync(new InteropTunnel(ours, flags, flags, loss: 0) { Dialled = dialled, ListensOnAny = true });

    public static Task<InteropTunnel> StartAsync(OurEnd ours, string[] ourFlags, string[] theirFlags, double loss) =>
        StartAsync(new InteropTunnel(ours, ourFlags, theirFlags, loss));

    private static async Task<InteropTunnel> StartAsync(InteropTunnel tunnel)
    {
        if (tunnel.Ours == OurEnd.Client)
        {
            tunnel._udp = new IPEndPoint(tunnel.Dialled, KcptunProcess.FreePort(SocketType.Dgram));
            await tunnel.StartPeerServerAsync();
            tunnel.StartOurClient();
        }
        else
        {
            await tunnel.StartOurServerAsync(port: 0);
            await tunnel.StartPeerClientAsync();
        }

        return tunnel;
    }

    /// <summary>Kills the server of the tunnel, whoever's it is, and starts it anew on the same port.</summary>
    public async Task RestartServerAsync()
    {
        if (Ours == OurEnd.Client)
        {
            _peer!.Dispose();
            await StartPeerServerAsync();
        }
        else
        {
            await _server!.DisposeAsync();
            await StartOurServerAsync(_udp!.Port);
        }
    }

    /// <summary>
    /// Ends the client of the tunnel without a farewell, which the wire does not have, and starts another.
    /// </summary>
    public async Task RestartClientAsync()
    {
        if (Ours == OurEnd.Client)
        {
            await _client!.DisposeAsync();
            StartOurClient();
        }
        else
        {
            _peer!.Dispose();
            await StartPeerClientAsync();
        }
    }

    /// <summary>Sends random bytes through the echo and back, writing and reading at the same time, and compares them.</summary>
    public async Task EchoAsync(int bytes, CancellationToken cancellationToken = default)
    {
        byte[] sent = RandomNumberGenerator.GetBytes(bytes);
        byte[] received = new byte[bytes];
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Entrance, cancellationToken);
        await using NetworkStream stream = new(socket);
        Task writing = stream.WriteAsync(sent, cancellationToken).AsTask();
        await stream.ReadExactlyAsync(received, cancellationToken);
        await writing;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _peer?.Dispose();
        _disposables.ForEach(static item => item.Dispose());
        await _echo.DisposeAsync();
    }

    private void StartOurClient()
    {
        string[] flags = ["--remoteaddr", _udp!.ToString(), .. OurFlags];
        KcptunProfile profile = new(KcptunClientConfig.ParseFlags(flags, null).Config!);
        _disposables.Add(profile);
        _client = ForwardClient.Start(new ForwardClientOptions
        {
            Listen = ForwardEndPoint.From(new IPEndPoint(IPAddress.Loopback, 0)),
            Connection = () => profile.NewClientOptions() with
            {
                // A silent peer is noticed in seconds, so that the test of a restart need not wait for half a minute.
                Profile = profile.Transport with
                {
                    Mux = profile.Transport.Mux with { KeepAliveInterval = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(12) },
                },
                ConfigureLink = AddLoss,
                CloseTimeout = TimeSpan.FromSeconds(1),
            },
        });
        Entrance = (IPEndPoint)_client.LocalEndPoint;
    }

    private async Task StartOurServerAsync(int port)
    {
        string[] flags = ["--target", _echo.EndPoint.ToString(), .. OurFlags];
        KcptunProfile profile = new(KcptunServerConfig.ParseFlags(flags, null).Config!);
        _disposables.Add(profile);
        _server = await ForwardServer.StartAsync(new ForwardServerOptions
        {
            Listeners =
            [
                new CausewayListenerOptions
                {
                    Profile = profile.Transport,
                    ListenEndPoint = new IPEndPoint(ListensOnAny ? IPAddress.Any : IPAddress.Loopback, port),
                    ConfigureLink = AddLoss,
                    CloseTimeout = TimeSpan.FromSeconds(1),
                },
            ],
            Target = ForwardEndPoint.From(_echo.EndPoint),
        });
        _udp = new IPEndPoint(Dialled, ((IPEndPoint)_server.LocalEndPoints[0]).Port);
    }

    private async Task StartPeerServerAsync()
    {
        string listen = ListensOnAny ? $":{_udp!.Port}" : _udp!.ToString();
        _peer = new KcptunProcess(
            KcptunPrograms.Server!, ["--listen", listen, "--target", _echo.EndPoint.ToString(), .. TheirFlags]);
        await _peer.WaitForAsync("key derivation done");
    }

    private async Task StartPeerClientAsync()
    {
        Entrance = new IPEndPoint(IPAddress.Loopback, KcptunProcess.FreePort(SocketType.Stream));
        _peer = new KcptunProcess(
            KcptunPrograms.Client!, ["--localaddr", Entrance.ToString(), "--remoteaddr", _udp!.ToString(), .. TheirFlags]);
        await _peer.WaitForAsync("key derivation done");
    }

    private DatagramLinkBuilder AddLoss(DatagramLinkBuilder builder) => Loss == 0 ? builder : builder.Use(next => new FaultInjectionLink(
        next, new FaultInjectionOptions { Send = new FaultModelOptions { Loss = Loss }, Receive = new FaultModelOptions { Loss = Loss }, Seed = 7 }));
}
