namespace Causeway;

/// <summary>
/// The connections of a pool: disposes of those that end by themselves, keeps their counters, and closes the rest when the pool
/// is disposed. Thread-safe.
/// </summary>
/// <param name="ended">Called when a connection has ended, unless the pool closed it because its time was up or it was disposed.</param>
internal sealed class PoolRegistry(Action<ConnectionPoolEvent> ended)
{
    private readonly Lock _gate = new();
    private readonly HashSet<CausewayConnection> _live = [];
    private readonly HashSet<Task> _watches = [];
    private readonly HashSet<CausewayConnection> _replaced = [];
    private readonly HashSet<CausewayConnection> _expired = [];
    private ConnectionPoolStatistics _past = new();
    private long _opened;
    private long _most;
    private bool _closing;

    /// <summary>Takes a connection over. It is disposed when it ends, or by <see cref="CloseAllAsync"/>.</summary>
    public void Track(CausewayConnection connection)
    {
        lock (_gate)
        {
            _live.Add(connection);
            _opened++;
            _most = Math.Max(_most, _live.Count);
            _watches.RemoveWhere(static task => task.IsCompleted);
            _watches.Add(WatchAsync(connection));
        }
    }

    /// <summary>Another one has taken its place.</summary>
    public void NoteReplaced(CausewayConnection connection) => Note(_replaced, connection);

    /// <summary>Its time is up: nobody is told how it ends.</summary>
    public void NoteExpired(CausewayConnection connection) => Note(_expired, connection);

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

    /// <summary>Closes a connection in order; when the token is cancelled, by cutting it off.</summary>
    public static async Task CloseAsync(CausewayConnection connection, CancellationToken cancellationToken)
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

    private void Note(HashSet<CausewayConnection> noted, CausewayConnection connection)
    {
        lock (_gate)
        {
            if (_live.Contains(connection))
            {
                noted.Add(connection);
            }
        }
    }

    private async Task WatchAsync(CausewayConnection connection)
    {
        // A connection that was closed may have no address any more.
        System.Net.EndPoint local = connection.LocalEndPoint;

        // Off the caller's lock at once, even if the connection has ended already.
        await Task.Yield();
        await connection.Closed.ConfigureAwait(false);
        bool isReplaced;
        bool isQuiet;
        lock (_gate)
        {
            _live.Remove(connection);
            _past = _past.Plus(connection.Statistics, isLive: false);
            isReplaced = _replaced.Remove(connection);
            isQuiet = _expired.Remove(connection) || _closing;
        }

        if (!isQuiet)
        {
            ended(new ConnectionPoolEvent
            {
                Kind = ConnectionPoolEventKind.Ended,
                Connection = connection,
                LocalEndPoint = local,
                Error = connection.Failure,
                IsReplaced = isReplaced,
            });
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }
}
