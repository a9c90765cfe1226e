using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Forwarding.Tunnels.Dynamic;
using Causeway.Forwarding.Tunnels.Udp;
using Causeway.Forwarding.Tunnels.Wire;
using Causeway.Telemetry;

namespace Causeway.Forwarding.Tunnels;

/// <summary>
/// The near end of any number of tunnels to one server (docs/wire/tunnel.md): listens where <see cref="TunnelClientOptions.Forwards"/>
/// say and has the server connect, and has the server listen where <see cref="TunnelClientOptions.ReverseForwards"/> say and connects
/// here. Thread-safe.
/// </summary>
public sealed class TunnelClient : IAsyncDisposable
{
    // For the last lines of the log; one that takes none is not waited for.
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    private readonly TunnelClientOptions _options;
    private readonly ConnectionPool _pool;
    private readonly TunnelOpener _opener;
    private readonly ForwardPlaces _places;
    private readonly TunnelCounters _counters = new();
    private readonly List<TunnelPort> _ports = [];
    private readonly List<UdpPort> _udpPorts = [];
    private readonly List<ReverseKeeper> _keepers = [];
    private readonly ConditionalWeakTable<CausewayConnection, ReverseTargets> _ends = [];
    private readonly TargetDialer _dialer;
    private readonly CancellationTokenSource _stopping = new();
    private Task? _stopped;

    private TunnelClient(TunnelClientOptions options)
    {
        _options = options = options with { Logger = BackgroundLogger.Over(options.Logger) };
        ForwardConnector connector = new(options.Connection, options.Logger);
        _pool = new ConnectionPool(new ConnectionPoolOptions
        {
            Connect = async cancellationToken => Adopt(await connector.ConnectAsync(cancellationToken).ConfigureAwait(false)),
            MaxConnections = options.Connections,
            Choice = ConnectionChoice.RoundRobin,
            TimeProvider = options.TimeProvider,
            OnEvent = new PoolWatch(options.Logger).OnEvent,
        });
        _opener = new TunnelOpener(_pool);
        _places = new ForwardPlaces(options, others: options.Connections + options.Forwards.Count + options.DynamicForwards.Count);
        _dialer = new TargetDialer(_places, options.ConnectTimeout);
    }

    /// <summary>
    /// Where this end listens, one for each of <see cref="TunnelClientOptions.Forwards"/> and then one for each of
    /// <see cref="TunnelClientOptions.DynamicForwards"/>, with the port that the system chose if it was 0.
    /// </summary>
    public IReadOnlyList<EndPoint> LocalEndPoints { get; private set; } = [];

    /// <summary>
    /// Where the server listens at present, one for each of <see cref="TunnelClientOptions.ReverseForwards"/>, with the port that it chose
    /// if it was 0; null for one that it does not.
    /// </summary>
    public IReadOnlyList<EndPoint?> ReverseEndPoints => [.. _keepers.Select(static keeper => keeper.Bound)];

    /// <inheritdoc cref="ForwardClient.MaxForwards"/>
    public int MaxForwards => _places.Table.Limit;

    /// <inheritdoc cref="ForwardClient.Statistics"/>
    public ForwardingStatistics Statistics => ForwardingStatistics.Of(_pool.Statistics) with { ForwardsOpen = _places.Table.Count };

    /// <summary>What was asked of the server, and what of this end.</summary>
    public TunnelStatistics TunnelStatistics => _counters.Snapshot();

    /// <summary>Begins to listen on all ports, or on none. The server is not spoken to before there is something to ask
    /// of it, as there is at once with reverse tunnels.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">An address is in use or not available.</exception>
    public static async ValueTask<TunnelClient> StartAsync(TunnelClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        TunnelClient client = new(options);
        List<EndPoint> local = [];
        try
        {
            foreach (TunnelForward forward in options.Forwards)
            {
                local.Add(forward.IsUdp ? client.AddUdpPort(forward).LocalEndPoint : client.AddPort(forward).LocalEndPoint);
            }

            foreach (DynamicForward forward in options.DynamicForwards)
            {
                local.Add(client.AddDynamicPort(forward).LocalEndPoint);
            }
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        client.LocalEndPoints = local;
        foreach (TunnelForward forward in options.ReverseForwards)
        {
            client._keepers.Add(new ReverseKeeper(
                forward, client._opener, client.EndOf, client._options, client._counters, client._stopping.Token));
        }

        return client;
    }

    /// <summary>Has the server connect to a target, for this process's own use.</summary>
    /// <param name="target">The target, looked up by the server; null for its own.</param>
    /// <param name="cancellationToken">Gives up. It waits as long as there is no connection to the server.</param>
    /// <returns>The connection; ending its writes ends that direction of the connection at the target.</returns>
    /// <exception cref="TunnelRefusedException">The server refuses, or could not connect.</exception>
    /// <exception cref="TransportException">No stream can be opened, or it failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the client disposed.</exception>
    public async ValueTask<CausewayStream> ConnectAsync(ForwardEndPoint? target, CancellationToken cancellationToken = default)
    {
        try
        {
            CausewayStream stream = await _opener.ConnectAsync(target?.EndPoint, origin: null, cancellationToken).ConfigureAwait(false);
            _counters.CountGranted();
            return stream;
        }
        catch (TunnelRefusedException)
        {
            _counters.CountRefused();
            throw;
        }
    }

    /// <inheritdoc cref="ForwardClient.StopAsync"/>
    public Task StopAsync(TimeSpan grace = default)
    {
        lock (_ports)
        {
            return _stopped ??= StopCoreAsync(grace);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private async Task StopCoreAsync(TimeSpan grace)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (TunnelPort port in _ports)
        {
            await port.DisposeAsync().ConfigureAwait(false);
        }

        foreach (UdpPort port in _udpPorts)
        {
            await port.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(_keepers.Select(static keeper => keeper.Ended)).ConfigureAwait(false);
        await _places.Table.StopAsync(grace, _options.TimeProvider).ConfigureAwait(false);
        await _pool.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        await BackgroundLogger.FlushAsync(_options.Logger, s_lastLines).ConfigureAwait(false);
    }

    private CausewayConnection Adopt(CausewayConnection connection)
    {
        if (TunnelProtocol.IsSpoken(connection))
        {
            TunnelEnd end = new(connection, _options, _options.Datagrams, _dialer, _counters);
            _ends.Add(connection, new ReverseTargets(end, _options, _places));
        }

        return connection;
    }

    private ReverseTargets? EndOf(CausewayConnection connection) => _ends.TryGetValue(connection, out ReverseTargets? end) ? end : null;

    private TunnelPort AddPort(TunnelForward forward)
    {
        EndPoint? target = forward.Target?.EndPoint;
        string what = TunnelStream.Describe(TunnelKind.Connect, target);
        TunnelPort port = new(
            forward.Listen,
            _places,
            (socket, place) =>
            {
                TunnelFrame request = TunnelFrame.Request(TunnelKind.Connect, target) with { Origin = TunnelPort.OriginOf(socket) };
                return TunnelRelay.RunAsync(socket, place, token => _opener.OpenAsync(request, token), what, _options, _counters);
            },
            _options.TimeProvider,
            _options.Logger,
            _stopping.Token);
        _ports.Add(port);
        return port;
    }

    private TunnelPort AddDynamicPort(DynamicForward forward)
    {
        DynamicContext context = new(_options, Credentials.Of(forward), _opener, OpenFlowAsync, _counters);
        TunnelPort port = new(
            forward.Listen, _places, new DynamicPort(context).ServeAsync, _options.TimeProvider, _options.Logger, _stopping.Token);
        _ports.Add(port);
        return port;
    }

    private UdpPort AddUdpPort(TunnelForward forward)
    {
        EndPoint? target = forward.Target?.EndPoint;
        UdpPort port = UdpPort.Listen(
            forward.Listen, (origin, token) => OpenFlowAsync(target, origin, token), _options.Datagrams, _options.TimeProvider, _counters, _options.Logger);
        _udpPorts.Add(port);
        return port;
    }

    private async ValueTask<(CausewayStream Stream, DatagramMux Mux)> OpenFlowAsync(
        EndPoint? target, IPEndPoint? origin, CancellationToken cancellationToken)
    {
        (CausewayStream stream, _) = await _opener.OpenAsync(
            TunnelFrame.Request(TunnelKind.Datagrams, target) with { Origin = origin }, cancellationToken).ConfigureAwait(false);
        if (EndOf(stream.Connection) is { End.Datagrams: { } mux } && mux.CanCarry(stream))
        {
            return (stream, mux);
        }

        stream.Abort();
        throw new TunnelRefusedException(TunnelRefusal.Unsupported, "the connection carries no datagrams");
    }
}
