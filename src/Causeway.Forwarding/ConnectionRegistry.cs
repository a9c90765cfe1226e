using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>
/// The connections of a server: disposes of those that end by themselves, keeps their counters, and closes the rest when
/// the server stops. Thread-safe.
/// </summary>
internal sealed class ConnectionRegistry
{
    private readonly Lock _gate = new();
    private readonly HashSet<CausewayConnection> _live = [];
    private readonly HashSet<Task> _watches = [];
    private readonly ILogger _logger;
    private ForwardingStatistics _past = new();
    private long _opened;
    private long _most;
    private bool _closing;

    public ConnectionRegistry(ILogger logger) => _logger = logger;

    /// <summary>Takes a connection over. It is disposed when it ends, or by <see cref="CloseAllAsync"/>.</summary>
    /// <returns>Completes when the connection has ended and is disposed.</returns>
    public Task Track(CausewayConnection connection)
    {
        Task watch;
        lock (_gate)
        {
            _live.Add(connection);
            _opened++;
            _most = Math.Max(_most, _live.Count);
            watch = WatchAsync(connection);
            _watches.RemoveWhere(static task => task.IsCompleted);
            _watches.Add(watch);
        }

        return watch;
    }

    public ForwardingStatistics Snapshot()
    {
        lock (_gate)
        {
            ForwardingStatistics sum = _past;
            foreach (CausewayConnection connection in _live)
            {
                sum = sum.Plus(connection.Statistics, isLive: true);
            }

            return sum with { ConnectionsOpened = _opened, ConnectionsOpen = _live.Count, MaxConnectionsOpen = _most };
        }
    }

    /// <summary>Closes all connections in order; at the latest when the token is cancelled, by cutting them off.</summary>
    public async Task CloseAllAsync(CancellationToken cancellationToken)
    {
        CausewayConnection[] live;
        Task[] watches;
        lock (_gate)
        {
            _closing = true;
            live = [.. _live];
            watches = [.. _watches];
        }

        await Task.WhenAll(Array.ConvertAll(live, connection => CloseAsync(connection, cancellationToken))).ConfigureAwait(false);
        await Task.WhenAll(watches).ConfigureAwait(false);
    }

    private static async Task CloseAsync(CausewayConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await connection.CloseAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Its time was up: it was cut off, and is disposed all the same.
        }
    }

    private async Task WatchAsync(CausewayConnection connection)
    {
        // Off the caller's lock at once, even if the connection has ended already.
        await Task.Yield();
        await connection.Closed.ConfigureAwait(false);
        bool closing;
        lock (_gate)
        {
            _live.Remove(connection);
            _past = _past.Plus(connection.Statistics, isLive: false);
            closing = _closing;
        }

        if (connection.Failure is { } failure && !closing)
        {
            ForwardingLog.ConnectionEnded(_logger, connection, failure.Message);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }
}
