using System.Net;
using Causeway.Telemetry;

namespace Causeway;

/// <summary>
/// A fixed number of connections to one peer, for spreading streams over: made on first use, replaced when they have ended
/// or are too old (docs/wire/kcptun.md 10.2). Thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// empty --OpenStreamAsync--> connecting --made--> open --ended | too old | refuses streams--> empty
///                            connecting --failed--> waits as the RetryPolicy says --> connecting
///                            connecting --failed for good--> empty, and those who wait are told
/// </code>
/// A slot that cannot connect holds up only the streams that fell to it. While a connection does not answer, new streams go to
/// a fresh one beside it (<see cref="CausewayConnection.IsUnresponsive"/>).
/// </remarks>
public sealed class ConnectionPool : IAsyncDisposable
{
    // kcptun's scavenger looks this often.
    private static readonly TimeSpan s_scavengePeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_reapPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    // A connection that was handed out may end before the stream is opened; more often than this, something else is wrong.
    private const int OpenAttempts = 3;

    private readonly Lock _gate = new();
    private readonly ConnectionPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly PoolSlot[] _slots;
    private readonly List<CausewayConnection> _released = [];
    private readonly List<Scavenged> _scavenged = [];
    private readonly PoolRegistry _registry;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly ITimer? _scavenger;
    private ITimer? _reaper;
    private uint _next;

    /// <summary>Makes an empty pool. Nothing is sent before the first stream is opened.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    public ConnectionPool(ConnectionPoolOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options with { Logger = BackgroundLogger.Over(options.Logger) };
        _time = options.TimeProvider;
        _stopped = _stopping.Token;
        _registry = new PoolRegistry(_options.Logger);
        _slots = new PoolSlot[options.Connections];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = new PoolSlot(IsFresh, NewMember, Release);
        }

        if (options.AutoExpire > TimeSpan.Zero)
        {
            _scavenger = _time.CreateTimer(static state => ((ConnectionPool)state!).Scavenge(), this, s_scavengePeriod, s_scavengePeriod);
        }
    }

    /// <summary>The counters of all connections that the pool has had.</summary>
    public ConnectionPoolStatistics Statistics => _registry.Snapshot();

    /// <summary>Opens a stream on the next connection, which is made if need be; waits until that succeeds.</summary>
    /// <exception cref="TransportException">
    /// Connections can be made, but no stream can be opened on them; or none can be made, and <see cref="ConnectionPoolOptions.Retry"/>
    /// gave up. The next call begins anew.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the pool disposed.</exception>
    public async ValueTask<CausewayStream> OpenStreamAsync(CancellationToken cancellationToken = default)
    {
        PoolSlot slot;
        lock (_gate)
        {
            slot = _slots[_next++ % (uint)_slots.Length];
        }

        for (int attempt = 1; ; attempt++)
        {
            CausewayConnection connection = await GetAsync(slot).WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (TransportException) when (attempt < OpenAttempts)
            {
                Retire(slot, connection);
            }
        }
    }

    /// <summary>Closes all connections; what was written to their streams is delivered if the peer takes it within 2 seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] connecting;
        lock (_gate)
        {
            if (_stopped.IsCancellationRequested)
            {
                return;
            }

            _stopping.Cancel();
            connecting = [.. _slots.SelectMany(static slot => slot.Connecting)];
        }

        if (_scavenger is not null)
        {
            await _scavenger.DisposeAsync().ConfigureAwait(false);
        }

        if (_reaper is not null)
        {
            await _reaper.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using CancellationTokenSource limit = new(s_closeTimeout, _time);
        await _registry.CloseAllAsync(limit.Token).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private Task<CausewayConnection> GetAsync(PoolSlot slot)
    {
        lock (_gate)
        {
            CausewayConnection? former = slot.Current;
            Task<CausewayConnection> chosen = slot.Choose();
            if (former is not null && slot.Current != former)
            {
                _registry.NoteReplaced(former);
            }

            return chosen;
        }
    }

    private bool IsFresh(PoolSlot.Member member) => _options.AutoExpire == TimeSpan.Zero || member.Age < _options.AutoExpire;

    private PoolSlot.Member NewMember()
    {
        PoolSlot.Member member = new(_time) { Connecting = Task.FromCanceled<CausewayConnection>(new CancellationToken(canceled: true)) };
        if (!_stopped.IsCancellationRequested)
        {
            member.Connecting = ConnectAsync(member);
        }

        return member;
    }

    /// <summary>A connection that refuses streams has none left to give, or has just ended: its slot takes another one.</summary>
    private void Retire(PoolSlot slot, CausewayConnection connection)
    {
        lock (_gate)
        {
            slot.Retire(connection);
        }
    }

    /// <summary>A connection is used no more, but for the streams that are open on it.</summary>
    private void Release(CausewayConnection connection)
    {
        _released.Add(connection);
        _registry.NoteReplaced(connection);
        _reaper ??= _time.CreateTimer(static state => ((ConnectionPool)state!).Reap(), this, s_reapPeriod, s_reapPeriod);
    }

    private void Reap()
    {
        CausewayConnection[] unused;
        lock (_gate)
        {
            unused = [.. _released.Where(static connection => connection.Closed.IsCompleted || connection.Statistics.OpenStreams == 0)];
            _released.RemoveAll(unused.Contains);
        }

        foreach (CausewayConnection connection in unused)
        {
            _ = CloseAsync(connection);
        }
    }

    private async Task<CausewayConnection> ConnectAsync(PoolSlot.Member member)
    {
        // Off the caller's lock.
        await Task.Yield();
        long start = _time.GetTimestamp();
        for (int failures = 1; ; failures++)
        {
            TimeSpan delay;
            try
            {
                CausewayConnection connection = await _options.Connect(_stopped).ConfigureAwait(false);
                Adopt(member, connection);
                return connection;
            }
            catch (TransportException error)
            {
                RetryContext context = new()
                {
                    Error = error,
                    Failures = failures,
                    Elapsed = _time.GetElapsedTime(start),
                    Random = _options.NextRandom(),
                };
                if (_options.Retry.NextDelay(in context) is not { } wait)
                {
                    ConnectionPoolLog.GaveUp(_options.Logger, error.Message);
                    throw;
                }

                delay = wait;
                ConnectionPoolLog.Reconnecting(_options.Logger, error.Message);
            }

            await Task.Delay(delay, _time, _stopped).ConfigureAwait(false);
        }
    }

    private void Adopt(PoolSlot.Member member, CausewayConnection connection)
    {
        lock (_gate)
        {
            member.OnMade();
            if (_options.AutoExpire > TimeSpan.Zero)
            {
                _scavenged.Add(new Scavenged(connection, connection.LocalEndPoint, _time.GetTimestamp()));
            }
        }

        _ = _registry.Track(connection);
    }

    private void Scavenge()
    {
        List<Scavenged> removed = [];
        TimeSpan limit = _options.AutoExpire + _options.ScavengeTtl;
        lock (_gate)
        {
            _scavenged.RemoveAll(entry =>
            {
                bool remove = entry.Connection.Closed.IsCompleted || _time.GetElapsedTime(entry.MadeAt) >= limit;
                if (remove)
                {
                    removed.Add(entry);
                }

                return remove;
            });
        }

        foreach (Scavenged entry in removed)
        {
            if (entry.Connection.Closed.IsCompleted)
            {
                ConnectionPoolLog.ScavengedClosed(_options.Logger, entry.LocalEndPoint);
            }
            else
            {
                ConnectionPoolLog.ScavengedExpired(_options.Logger, entry.LocalEndPoint);
                _options.Expiring?.Invoke(entry.Connection);
                _ = CloseAsync(entry.Connection);
            }
        }
    }

    private async Task CloseAsync(CausewayConnection connection)
    {
        using CancellationTokenSource limit = new(s_closeTimeout, _time);
        try
        {
            await connection.CloseAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Cut off without the peer's acknowledgement.
        }
    }

    /// <summary>A connection and when to close it. Its address is kept: a closed connection may have none.</summary>
    private readonly record struct Scavenged(CausewayConnection Connection, EndPoint LocalEndPoint, long MadeAt);
}
