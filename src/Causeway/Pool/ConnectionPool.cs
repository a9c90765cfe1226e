using Causeway.Telemetry;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>
/// Connections to one peer that are used as one: streams are spread over them; they are made when they are needed, and replaced when
/// they have ended, are too old or do not answer. Thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// empty --OpenStreamAsync--> connecting --made--> open --ended | too old | refuses streams--> empty
///                            connecting --failed--> waits as the RetryPolicy says --> connecting
///                            connecting --failed for good--> empty, and those who wait are told
/// </code>
/// A connection that cannot be made holds up only the streams that wait for it. While a connection does not answer
/// (<see cref="CausewayConnection.IsUnresponsive"/>), new streams go to others, or to a fresh one beside it. Streams that are open
/// stay on their connection, and fail with it. What the peer opens is accepted by <see cref="CausewayConnection.AcceptStreamAsync"/>
/// of each connection, which <see cref="ConnectionPoolOptions.Connect"/> and <see cref="ConnectionPoolOptions.OnEvent"/> get to see.
/// </remarks>
public sealed partial class ConnectionPool : IAsyncDisposable
{
    // A connection that was handed out may end before the stream is opened; more often than this, something else is wrong.
    private const int OpenAttempts = 3;

    // Without this pause, every stream beyond the load would begin anew to connect to a peer that takes no more connections.
    private static readonly TimeSpan s_growthPause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly ConnectionPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PoolSlot[] _slots;
    private readonly PoolRegistry _registry;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private Task? _disposal;
    private long _failedAt;
    private bool _hasFailed;
    private long _connectFailures;
    private int _waiting;
    private uint _next;

    /// <summary>Makes an empty pool. Nothing is sent before the first stream is asked for.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it, its value and the range.</exception>
    public ConnectionPool(ConnectionPoolOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _time = options.TimeProvider;
        _log = BackgroundLogger.Over(options.LoggerFactory, ConnectionPoolLog.Category);
        _stopped = _stopping.Token;
        _registry = new PoolRegistry(Report);
        _slots = new PoolSlot[options.MaxConnections];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = new PoolSlot(NewMember, Release);
        }

        if (options.ConnectionLifetime > TimeSpan.Zero)
        {
            _sweeper = _time.CreateTimer(static state => ((ConnectionPool)state!).CloseExpired(), this, s_sweepPeriod, s_sweepPeriod);
        }
    }

    /// <summary>The counters of all connections that the pool has had. They stay readable when it has been disposed.</summary>
    public ConnectionPoolStatistics Statistics => _registry.Snapshot() with
    {
        ConnectFailures = Interlocked.Read(ref _connectFailures),
        Waiting = Volatile.Read(ref _waiting),
    };

    /// <summary>
    /// Opens a stream on which both ends send, on the connection that <see cref="ConnectionPoolOptions.Choice"/> says. Waits until
    /// there is one, which may be for as long as the peer cannot be reached: <see cref="ConnectionPoolOptions.Retry"/> or the token
    /// limits that.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting. A connection that is being made is kept for others.</param>
    /// <returns>The stream; <see cref="CausewayStream.Connection"/> is the connection that it is on.</returns>
    /// <exception cref="TransportException">
    /// No connection can be made, for a reason that stays or because <see cref="ConnectionPoolOptions.Retry"/> gave up; or one can be
    /// made, but no stream opened on it. The next call begins anew.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the pool is disposed.</exception>
    public ValueTask<CausewayStream> OpenStreamAsync(CancellationToken cancellationToken = default) =>
        OpenStreamAsync(StreamDirection.Bidirectional, cancellationToken);

    /// <summary>Opens a stream on which both ends send, or this one only; see <see cref="OpenStreamAsync(CancellationToken)"/>.</summary>
    /// <param name="direction">Whether both ends send.</param>
    /// <param name="cancellationToken">Gives up waiting. A connection that is being made is kept for others.</param>
    /// <returns>The stream; <see cref="CausewayStream.Connection"/> is the connection that it is on.</returns>
    /// <exception cref="TransportException">As with <see cref="OpenStreamAsync(CancellationToken)"/>.</exception>
    /// <exception cref="NotSupportedException">The profile of the connection has no unidirectional streams.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the pool is disposed.</exception>
    public async ValueTask<CausewayStream> OpenStreamAsync(StreamDirection direction, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        PoolSlot? slot = null;
        for (int attempt = 1; ; attempt++)
        {
            PoolMember member;
            lock (_gate)
            {
                if (_stopped.IsCancellationRequested)
                {
                    throw new OperationCanceledException("The connection pool is disposed.");
                }

                slot = slot is not null && _options.Choice == ConnectionChoice.RoundRobin ? slot : Pick();
                member = slot.Choose();
                member.Waiting++;
                _waiting++;
            }

            try
            {
                CausewayConnection connection = await member.Connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    return await connection.OpenStreamAsync(direction, cancellationToken).ConfigureAwait(false);
                }
                catch (TransportException) when (attempt < OpenAttempts)
                {
                    // It has no stream left to give, or has just ended: another one takes its place.
                    lock (_gate)
                    {
                        member.IsRetired = true;
                    }
                }
            }
            finally
            {
                lock (_gate)
                {
                    member.Waiting--;
                    _waiting--;
                }
            }
        }
    }

    /// <summary>
    /// Closes all connections; what was written to their streams is delivered if the peer takes it within
    /// <see cref="ConnectionPoolOptions.CloseTimeout"/>. Callers that wait for a stream get an <see cref="OperationCanceledException"/>.
    /// </summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            return new ValueTask(_disposal ??= DisposeCoreAsync());
        }
    }

    private async Task DisposeCoreAsync()
    {
        // The application's code hears of the token: off the lock.
        await Task.Yield();
        await _stopping.CancelAsync().ConfigureAwait(false);
        PoolMember[] members;
        ITimer? reaper;
        lock (_gate)
        {
            members = [.. _slots.SelectMany(static slot => slot.Members)];
            reaper = _reaper;
        }

        if (_sweeper is not null)
        {
            await _sweeper.DisposeAsync().ConfigureAwait(false);
        }

        if (reaper is not null)
        {
            await reaper.DisposeAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(members.Select(static member => (Task)member.Connecting)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using CancellationTokenSource limit = new(_options.CloseTimeout, _time);
        await _registry.CloseAllAsync(limit.Token).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>The place that the next stream falls to.</summary>
    private PoolSlot Pick()
    {
        uint turn = _next++;
        if (_options.Choice == ConnectionChoice.RoundRobin)
        {
            return _slots[turn % (uint)_slots.Length];
        }

        PoolSlot? ready = null;
        PoolSlot? pending = null;
        PoolSlot? empty = null;
        PoolSlot? silent = null;
        int readyLoad = int.MaxValue;
        int pendingLoad = int.MaxValue;
        for (uint i = 0; i < _slots.Length; i++)
        {
            PoolSlot slot = _slots[(turn + i) % (uint)_slots.Length];
            slot.Tidy();
            if (slot.Ready is { } answering)
            {
                if (answering.Load < readyLoad)
                {
                    (ready, readyLoad) = (slot, answering.Load);
                }
            }
            else if (slot.Pending is { } connecting)
            {
                if (connecting.Load < pendingLoad)
                {
                    (pending, pendingLoad) = (slot, connecting.Load);
                }
            }
            else if (slot.IsEmpty)
            {
                empty ??= slot;
            }
            else
            {
                silent ??= slot;
            }
        }

        if (ready is null)
        {
            return pending is not null && (pendingLoad < _options.StreamsPerConnection || empty is null) ? pending : silent ?? empty!;
        }

        if (readyLoad >= _options.StreamsPerConnection && pending is null && empty is not null && MayGrow())
        {
            // Nobody waits for it yet: why it could not be made is in the log and an event.
            _ = empty.Choose().Connecting.ContinueWith(
                static task => task.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return ready;
    }

    private bool MayGrow() => !_hasFailed || _time.GetElapsedTime(_failedAt) >= s_growthPause;

    private PoolMember NewMember()
    {
        PoolMember member = new(_time) { Connecting = Task.FromCanceled<CausewayConnection>(new CancellationToken(canceled: true)) };
        member.Connecting = ConnectAsync(member);
        return member;
    }

    private async Task<CausewayConnection> ConnectAsync(PoolMember member)
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
                Interlocked.Increment(ref _connectFailures);
                RetryContext context = new()
                {
                    Error = error,
                    Failures = failures,
                    Elapsed = _time.GetElapsedTime(start),
                    Random = _options.NextRandom(),
                };
                if (_options.Retry.NextDelay(in context) is not { } wait)
                {
                    GiveUp(error);
                    throw;
                }

                delay = wait;
                ConnectionPoolLog.ConnectFailed(_log, error.Message, delay);
                Report(new ConnectionPoolEvent { Kind = ConnectionPoolEventKind.ConnectFailed, Error = error, RetryDelay = delay });
            }
            catch (Exception error) when (!_stopped.IsCancellationRequested)
            {
                Interlocked.Increment(ref _connectFailures);
                GiveUp(error);
                throw;
            }

            await Task.Delay(delay, _time, _stopped).ConfigureAwait(false);
        }
    }

    private void GiveUp(Exception error)
    {
        lock (_gate)
        {
            _hasFailed = true;
            _failedAt = _time.GetTimestamp();
        }

        ConnectionPoolLog.GaveUp(_log, error.Message);
        Report(new ConnectionPoolEvent { Kind = ConnectionPoolEventKind.GaveUp, Error = error });
    }

    private void Adopt(PoolMember member, CausewayConnection connection)
    {
        TimeSpan lifetime = _options.ConnectionLifetime;
        if (lifetime > TimeSpan.Zero && _options.LifetimeJitter > 0)
        {
            lifetime *= 1 - (_options.LifetimeJitter * _options.NextRandom());

            // Zero would be for ever.
            lifetime = lifetime > TimeSpan.Zero ? lifetime : TimeSpan.FromTicks(1);
        }

        lock (_gate)
        {
            _hasFailed = false;
            member.OnMade(lifetime);
            WatchAge(connection, lifetime);
        }

        Report(new ConnectionPoolEvent
        {
            Kind = ConnectionPoolEventKind.Connected,
            Connection = connection,
            LocalEndPoint = connection.LocalEndPoint,
        });
        _registry.Track(connection);
    }

    private void Report(ConnectionPoolEvent what)
    {
        try
        {
            _options.OnEvent?.Invoke(what);
        }
        catch (Exception error)
        {
            ConnectionPoolLog.CallbackFailed(_log, error.Message, error);
        }
    }
}
