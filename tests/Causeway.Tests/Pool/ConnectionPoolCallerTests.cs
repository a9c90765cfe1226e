using Causeway.Protocol;

namespace Causeway.Tests.Pool;

/// <summary>What a pool's callers are told: options, cancellation, disposal, failures of what the application brought.</summary>
public sealed class ConnectionPoolCallerTests
{
    private readonly PoolBench _bench = new();

    public static TheoryData<string, Func<ConnectionPoolOptions, ConnectionPoolOptions>> Wrong => new()
    {
        { "MaxConnections must be from 1 to 65535.", static options => options with { MaxConnections = 0 } },
        { "MaxConnections must be from 1 to 65535.", static options => options with { MaxConnections = 65536 } },
        { "Choice must be LeastLoaded or RoundRobin.", static options => options with { Choice = (ConnectionChoice)7 } },
        { "StreamsPerConnection must be 1 or more.", static options => options with { StreamsPerConnection = 0 } },
        { "ConnectionLifetime must be from 0, for never, to 365 days.", static options => options with { ConnectionLifetime = TimeSpan.FromSeconds(-1) } },
        { "ConnectionLifetime must be from 0, for never, to 365 days.", static options => options with { ConnectionLifetime = TimeSpan.MaxValue } },
        { "LifetimeJitter must be from 0 to 1.", static options => options with { LifetimeJitter = 1.1 } },
        { "LifetimeJitter must be from 0 to 1.", static options => options with { LifetimeJitter = double.NaN } },
        { "DrainTimeout must be from 0 to 365 days.", static options => options with { DrainTimeout = TimeSpan.FromSeconds(-1) } },
        { "CloseTimeout must be from 0 to an hour.", static options => options with { CloseTimeout = TimeSpan.FromHours(2) } },
        { "'Retry'", static options => options with { Retry = null! } },
        { "'Connect'", static options => options with { Connect = null! } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void OptionsOutOfRangeAreNamedWithTheRange(string said, Func<ConnectionPoolOptions, ConnectionPoolOptions> change)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => _bench.NewPool(change: change));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DisposingEndsWhoWaitsForAConnectionThatIsBeingMade()
    {
        ConnectionPool pool = _bench.NewPool(static async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            throw new InvalidOperationException();
        });
        Task<CausewayStream> waiting = pool.OpenStreamAsync().AsTask();
        Assert.Equal(1, pool.Statistics.Waiting);
        Task disposal = pool.DisposeAsync().AsTask();
        Task again = pool.DisposeAsync().AsTask();
        await disposal.Guarded();
        await again.Guarded();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Guarded());
        OperationCanceledException late = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pool.OpenStreamAsync().Guarded());
        Assert.Equal("The connection pool is disposed.", late.Message);
        Assert.Equal(0, pool.Statistics.Waiting);
        Assert.Empty(_bench.Events);
    }

    [Fact]
    public async Task WhoGivesUpLeavesTheConnectionToOthers()
    {
        TaskCompletionSource open = new();
        ConnectionPool pool = _bench.NewPool(async token =>
        {
            await open.Task;
            return await _bench.ConnectAsync(token);
        });
        using CancellationTokenSource enough = new();
        Task<CausewayStream> impatient = pool.OpenStreamAsync(enough.Token).AsTask();
        Task<CausewayStream> patient = pool.OpenStreamAsync().AsTask();
        await enough.CancelAsync();
        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient.Guarded());
        Assert.Equal(enough.Token, error.CancellationToken);
        Assert.False(patient.IsCompleted);
        open.SetResult();
        await patient.Guarded();
        Assert.Equal(1, _bench.Connects);
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task WhatTheApplicationsCodeThrowsGoesToTheCallers()
    {
        int calls = 0;
        ConnectionPool pool = _bench.NewPool(
            token => ++calls == 1 ? throw new InvalidOperationException("a bug") : _bench.ConnectAsync(token),
            options => options with
            {
                OnEvent = what =>
                {
                    _bench.Events.Enqueue(what);
                    throw new InvalidOperationException("another");
                },
            });
        await Assert.ThrowsAsync<InvalidOperationException>(() => pool.OpenStreamAsync().Guarded());
        await pool.OpenStreamAsync().Guarded();
        Assert.Equal([ConnectionPoolEventKind.GaveUp, ConnectionPoolEventKind.Connected], _bench.Events.Select(static what => what.Kind));
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task AConnectionWithoutAStreamLeftIsReplaced()
    {
        // A connection that has ended gives none; the pool notices when it asks for one.
        ConnectionPool pool = _bench.NewPool(async token =>
        {
            CausewayConnection connection = await _bench.ConnectAsync(token);
            if (_bench.Connects < 3)
            {
                // Cancelled or not: it is cut off at once.
                await Record.ExceptionAsync(() => connection.CloseAsync(new CancellationToken(canceled: true)).Guarded());
                await connection.Closed.Guarded();
            }

            return connection;
        });
        CausewayStream stream = await pool.OpenStreamAsync().Guarded();
        Assert.Equal(3, _bench.Connects);
        Assert.False(stream.Connection.Closed.IsCompleted);
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task UnidirectionalStreamsAreRefusedWhereTheProfileHasNone()
    {
        ConnectionPool pool = _bench.NewPool();
        await Assert.ThrowsAsync<NotSupportedException>(() => pool.OpenStreamAsync(StreamDirection.Unidirectional).Guarded());
        Assert.Equal(0, pool.Statistics.Waiting);
        await _bench.DisposeAsync(pool);
    }
}
