using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Protocol;

namespace Causeway.Forwarding.Tests;

/// <summary>
/// One stream between two connections over loopback, each end of it bridged to a socket:
/// <c>App = bridge = stream = bridge = Target</c>.
/// </summary>
internal sealed class BridgedPeers : IAsyncDisposable
{
    private readonly PacketPool _pool;
    private readonly CausewayListener _listener;
    private readonly CausewayConnection _client;
    private readonly CausewayConnection _server;

    private BridgedPeers(PacketPool pool, CausewayListener listener, CausewayConnection client, CausewayConnection server)
    {
        _pool = pool;
        _listener = listener;
        _client = client;
        _server = server;
    }

    public required Socket App { get; init; }

    public required Socket Target { get; init; }

    public required CausewayStream ClientStream { get; init; }

    public required CausewayStream ServerStream { get; init; }

    /// <summary>The bridge at the application's end.</summary>
    public required Task<StreamBridgeResult> AppBridge { get; init; }

    /// <summary>The bridge at the target's end; null if the test drives <see cref="ServerStream"/> itself.</summary>
    public Task<StreamBridgeResult>? TargetBridge { get; init; }

    /// <param name="halfClose">Whether the peers are both Causeway, or one is like kcptun.</param>
    /// <param name="closeWait">Of the application's bridge.</param>
    /// <param name="time">The application's bridge's clock.</param>
    /// <param name="bridgeTarget">Whether the far end is bridged too.</param>
    /// <param name="halfCloseLimit">Of the application's bridge.</param>
    /// <param name="cut">Cuts the application's bridge.</param>
    public static async Task<BridgedPeers> ConnectAsync(
        bool halfClose = true,
        TimeSpan closeWait = default,
        TimeProvider? time = null,
        bool bridgeTarget = true,
        TimeSpan? halfCloseLimit = null,
        CancellationToken cut = default)
    {
        PacketPool pool = new(track: true);
        KcpProfile profile = new();
        KcpProfile like = profile with { Mux = new SmuxOptions { HalfCloseExtension = halfClose } };
        CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = like,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            BufferPool = pool,
        });
        CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = profile,
            RemoteEndPoint = listener.LocalEndPoint,
            BufferPool = pool,
        });
        CausewayStream stream = await client.OpenStreamAsync().Guarded();
        CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        (Socket app, Socket appSide) = await Sockets.PairAsync();
        (Socket target, Socket targetSide) = await Sockets.PairAsync();
        return new BridgedPeers(pool, listener, client, server)
        {
            App = app,
            Target = target,
            ClientStream = stream,
            ServerStream = accepted,
            AppBridge = new StreamBridge(appSide, stream, closeWait, time) { HalfCloseLimit = halfCloseLimit }.RunAsync(cut),
            TargetBridge = bridgeTarget ? new StreamBridge(targetSide, accepted, TimeSpan.Zero).RunAsync() : null,
        };
    }

    public async ValueTask DisposeAsync()
    {
        App.Dispose();
        Target.Dispose();
        ClientStream.Abort();
        ServerStream.Abort();
        await AppBridge.Guarded();
        await (TargetBridge ?? Task.CompletedTask).Guarded();
        await Task.WhenAll(_client.DisposeAsync().AsTask(), _server.DisposeAsync().AsTask()).Guarded();
        await _listener.DisposeAsync().Guarded();
        _pool.ThrowIfOutstanding();
    }
}
