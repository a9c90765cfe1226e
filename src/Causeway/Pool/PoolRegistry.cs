using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>
/// The connections of a pool: disposes of those that end by themselves, keeps their counters, and closes the rest when
/// the pool is disposed. Thread-safe.
/// </summary>
internal sealed class PoolRegistry
{
    private readonly Lock _gate = new();
    private readonly HashSet<CausewayConnection> _live = [];
    private readonly HashSet<Task> _watches = [];
    private readonly HashSet<CausewayConnection> _replaced = [];
    private readonly ILogger _logger;
    private ConnectionPoolStatistics _past = new();
    private long _opened;
    private long _most;
    private bool _closing;

    public PoolRegistry(ILogger logger) => _logger = logger;

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

    /// <summary>Another one has taken its place: nobody is to be told how it ends, if it is still open.</summary>
    public void NoteReplaced(CausewayConnection connection)
    {
        lock (_gate)
        {
            if (_live.Contains(connection))
            {
                _replaced.Add(connection);
            }
        }
    }

    public ConnectionPoolStatistics Snapshot()
    {
        lock (_gate)
        {
            ConnectionPoolStatistics sum = _past;
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
            closing = _closing | _replaced.Remove(connection);
        }

        if (connection.Failure is { } failure && !closing)
        {
            ConnectionPoolLog.ConnectionEnded(_logger, connection, failure.Message);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }
}
