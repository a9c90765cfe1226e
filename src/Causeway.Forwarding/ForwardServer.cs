using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;
using Causeway.Telemetry;

namespace Causeway.Forwarding;

/// <summary>
/// The far end of a tunnel: accepts connections on one or several UDP ports and makes a TCP or Unix connection to the target
/// for each of their streams. Thread-safe.
/// </summary>
public sealed class ForwardServer : IAsyncDisposable
{
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    // For the last lines of the log; one that takes none is not waited for.
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    private readonly ForwardServerOptions _options;
    private readonly IReadOnlyList<CausewayListener> _listeners;
    private readonly ConnectionRegistry _registry;
    private readonly ForwardPlaces _places;
    private readonly ForwardTable _forwards;
    private readonly TargetDialer _dialer;
    private readonly TunnelCounters _tunnels = new();
    private readonly LogThrottle _refused;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task[] _accepting;
    private Task? _stopped;

    private ForwardServer(ForwardServerOptions options, IReadOnlyList<CausewayListener> listeners)
    {
        _options = options = options with { Logger = BackgroundLogger.Over(options.Logger) };
        _listeners = listeners;
        _registry = new ConnectionRegistry(options.Logger);
        _places = new ForwardPlaces(options, others: 0);
        _forwards = _places.Table;
        _dialer = new TargetDialer(_places, options.ConnectTimeout);
        _refused = new LogThrottle(options.TimeProvider);
        LocalEndPoints = [.. listeners.Select(static listener => listener.LocalEndPoint)];
        _accepting = [.. listeners.Select((listener, i) => Task.Run(() => AcceptAsync(listener, options.Listeners[i])))];
    }

    /// <summary>The UDP addresses that are listened on, with the ports that the system chose where they were 0.</summary>
    public IReadOnlyList<EndPoint> LocalEndPoints { get; }

    /// <inheritdoc cref="ForwardClient.MaxForwards"/>
    public int MaxForwards => _forwards.Limit;

    /// <summary>The counters of all connections, live and past.</summary>
    public ForwardingStatistics Statistics => _registry.Snapshot() with
    {
        ForwardsOpen = _forwards.Count,
        Replayed = _listeners.Sum(static listener => listener.Statistics.Replayed),
    };

    /// <summary>What was asked for by the tunnel protocol.</summary>
    public TunnelStatistics TunnelStatistics => _tunnels.Snapshot();

    /// <summary>The listeners' own counters, one for each port.</summary>
    public IReadOnlyList<ListenerStatistics> ListenerStatistics => [.. _listeners.Select(static listener => listener.Statistics)];

    /// <summary>Begins to listen on all ports, or on none.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="TransportException">An address is in use or not available.</exception>
    public static async ValueTask<ForwardServer> StartAsync(
        ForwardServerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        List<CausewayListener> listeners = [];
        try
        {
            foreach (CausewayListenerOptions listener in options.Listeners)
            {
                // Nothing here blocks, and relaying a small message is less work than waking a thread for it.
                CausewayListenerOptions inline = listener with { UnsafePreferInlineScheduling = true };
                listeners.Add(await CausewayListener.ListenAsync(inline, cancellationToken).ConfigureAwait(false));
            }
        }
        catch
        {
            foreach (CausewayListener listener in listeners)
            {
                await listener.DisposeAsync().ConfigureAwait(false);
            }

            throw;
        }

        return new ForwardServer(options, listeners);
    }

    /// <inheritdoc cref="ForwardClient.StopAsync"/>
    public Task StopAsync(TimeSpan grace = default)
    {
        lock (_forwards)
        {
            return _stopped ??= StopCoreAsync(grace);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private async Task StopCoreAsync(TimeSpan grace)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_accepting).ConfigureAwait(false);
        await _forwards.StopAsync(grace, _options.TimeProvider).ConfigureAwait(false);
        using (CancellationTokenSource limit = new(s_closeTimeout, _options.TimeProvider))
        {
            await _registry.CloseAllAsync(limit.Token).ConfigureAwait(false);
        }

        foreach (CausewayListener listener in _listeners)
        {
            await listener.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
        await BackgroundLogger.FlushAsync(_options.Logger, s_lastLines).ConfigureAwait(false);
    }

    private async Task AcceptAsync(CausewayListener listener, CausewayListenerOptions options)
    {
        CancellationToken stopping = _stopping.Token;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                CausewayConnection connection = await listener.AcceptConnectionAsync(stopping).ConfigureAwait(false);
                _ = _registry.Track(connection);
                ForwardingLog.ConnectionAccepted(_options.Logger, connection.RemoteEndPoint);
                ForwardingLog.ConnectionOpened(
                    _options.Logger, options.Profile.StreamProtocol, connection.LocalEndPoint, connection.RemoteEndPoint);
                _ = ServeAsync(connection, stopping);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (TransportException error)
            {
                ForwardingLog.ListenerEnded(_options.Logger, listener.LocalEndPoint, error.Message);
                return;
            }
        }
    }

    private async Task ServeAsync(CausewayConnection connection, CancellationToken stopping)
    {
        TunnelServer? tunnels = TunnelProtocol.IsSpoken(connection)
            ? new TunnelServer(_options, connection, _places, _dialer, _tunnels)
            : null;
        try
        {
            while (true)
            {
                CausewayStream stream = await connection.AcceptStreamAsync(stopping).ConfigureAwait(false);
                if (!stream.CanWrite)
                {
                    // Nothing that is forwarded goes one way.
                    stream.Abort();
                    continue;
                }

                if (_forwards.TryAdd(_options.ConnectTimeout, _options.TimeProvider) is { } forward)
                {
                    forward.Connection = connection;

                    // What it does before it first waits is to dial: a hop to another thread would cost more.
                    _ = ForwardAsync(stream, forward, tunnels);
                }
                else
                {
                    _ = WaitAsync(stream, tunnels, stopping);
                }
            }
        }
        catch (Exception error) when (error is TransportException or OperationCanceledException)
        {
            // The connection has ended, or the server stops.
        }

        if (tunnels is not null)
        {
            // What goes on over the connection is given its time when the server stops.
            await connection.Closed.ConfigureAwait(false);
            tunnels.Dispose();
        }
    }

    /// <summary>Waits for a place, as long as a dial may take.</summary>
    private async Task WaitAsync(CausewayStream stream, TunnelServer? tunnels, CancellationToken stopping)
    {
        _places.LogFull();
        ForwardTable.Forward? forward = await _forwards.TryAddAsync(
            _options.ConnectTimeout, _options.TimeProvider, stopping).ConfigureAwait(false);
        if (forward is not null)
        {
            forward.Connection = stream.Connection;
            await ForwardAsync(stream, forward, tunnels).ConfigureAwait(false);
            return;
        }

        if (!stopping.IsCancellationRequested)
        {
            LogRefused();
        }

        if (tunnels is null)
        {
            stream.Abort();
        }
        else
        {
            await TunnelStream.RefuseAsync(stream, TunnelRefusal.LimitReached, "as much is being forwarded as may be").ConfigureAwait(false);
        }
    }

    private void LogRefused()
    {
        if (_refused.IsDue())
        {
            ForwardingLog.ForwardLimitRefused(_options.Logger, _forwards.Count);
        }
    }

    private async Task ForwardAsync(CausewayStream stream, ForwardTable.Forward forward, TunnelServer? tunnels)
    {
        using (forward)
        {
            try
            {
                if (tunnels is not null)
                {
                    await tunnels.ServeAsync(stream, forward).ConfigureAwait(false);
                }
                else if (_options.Target is { } target && await DialAsync(target, forward).ConfigureAwait(false) is { } socket)
                {
                    if (_options.SendsProxyHeader)
                    {
                        await ForwardRelay.SendHeaderAsync(
                            socket, ProxyHeader.For(stream.Connection.RemoteEndPoint, stream.Connection.LocalEndPoint), forward.CutToken).ConfigureAwait(false);
                    }

                    await ForwardRelay.RunAsync(socket, stream, fromSocket: false, _options, forward.CutToken).ConfigureAwait(false);
                }
                else
                {
                    stream.Abort();
                }
            }
            catch (Exception error) when (error is TransportException or OperationCanceledException or SocketException)
            {
                stream.Abort();
            }
            catch (Exception error)
            {
                stream.Abort();
                ForwardingLog.Unexpected(_options.Logger, error.Message, error);
            }
        }
    }

    private async ValueTask<Socket?> DialAsync(ForwardEndPoint target, ForwardTable.Forward forward)
    {
        DialResult result = await _dialer.DialAsync(target, forward).ConfigureAwait(false);
        if (result.Socket is { } socket)
        {
            return socket;
        }

        if (result.Reason == TunnelRefusal.LimitReached)
        {
            LogRefused();
        }
        else if (!forward.IsCut)
        {
            ForwardingLog.TargetUnreachable(_options.Logger, target.ToString(), result.Problem);
        }

        return null;
    }
}
