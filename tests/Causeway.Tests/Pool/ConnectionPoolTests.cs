using Causeway.Protocol;

namespace Causeway.Tests.Pool;

/// <summary>In virtual time, over links whose other ends nobody listens on.</summary>
public sealed class ConnectionPoolTests : IAsyncLifetime
{
    private readonly PoolBench _bench = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [Fact]
    public async Task StreamsGoRoundRobinOverConnectionsMadeOnFirstUse()
    {
        ConnectionPool pool = NewPool(connections: 3);
        Assert.Equal(0, _bench.Connects);

        CausewayConnection[] used = new CausewayConnection[7];
        for (int i = 0; i < used.Length; i++)
        {
            used[i] = (await pool.OpenStreamAsync().Guarded()).Connection;
            Assert.Equal(Math.Min(i + 1, 3), _bench.Connects);
            Assert.Same(used[i % 3], used[i]);
        }

        Assert.Equal(3, used.Distinct().Count());
        Assert.Equal(3, pool.Statistics.ConnectionsOpen);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AnExpiredConnectionIsReplacedAndLivesOnUntilItsTimeIsUp()
    {
        List<CausewayConnection> expiring = [];
        ConnectionPool pool = NewPool(lifetime: 10, drain: 7, connect: _bench.ConnectAnsweredAsync, expiring: expiring.Add);
        Timestamp made = _bench.Time.Clock.Now;
        CausewayStream opened = await pool.OpenStreamAsync().Guarded();
        CausewayConnection first = opened.Connection;
        await _bench.AnswerAsync(opened);
        _bench.Time.AdvanceTo(made.Add(TimeSpan.FromSeconds(9.9)));
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);

        _bench.Time.Advance(TimeSpan.FromSeconds(0.1));
        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);
        Assert.False(first.Closed.IsCompleted);

        // 17 s after it was made, noticed at the scavenger's next look.
        _bench.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(expiring);
        _bench.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([first], expiring);
        await RunAsync(first.Closed, atMost: 3);
        Assert.False(second.Closed.IsCompleted);
        Assert.DoesNotContain(_bench.Events, what => what.Kind == ConnectionPoolEventKind.Ended && what.Connection == first);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AClosedConnectionIsReplacedAndTheEndTold()
    {
        ConnectionPool pool = NewPool(lifetime: 1000);
        CausewayConnection first = (await pool.OpenStreamAsync().Guarded()).Connection;
        await RunAsync(first.CloseAsync().AsTask());

        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);
        ConnectionPoolEvent ended = await _bench.WaitForAsync(what => what.Kind == ConnectionPoolEventKind.Ended && what.Connection == first);
        Assert.Null(ended.Error);
        Assert.Equal(first.LocalEndPoint, ended.LocalEndPoint);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task TheEndOfAReplacedConnectionIsToldAsSuch()
    {
        ConnectionPool pool = NewPool(lifetime: 10, drain: 1000);
        CausewayConnection first = (await pool.OpenStreamAsync().Guarded()).Connection;
        _bench.Time.Advance(TimeSpan.FromSeconds(10));
        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);

        // Nobody answers, so both end by themselves.
        await RunAsync(first.Closed, atMost: 60);
        await RunAsync(second.Closed, atMost: 60);
        Assert.NotNull(first.Failure);
        Assert.True((await _bench.WaitForAsync(what => what.Kind == ConnectionPoolEventKind.Ended && what.Connection == first)).IsReplaced);
        ConnectionPoolEvent last = await _bench.WaitForAsync(what => what.Kind == ConnectionPoolEventKind.Ended && what.Connection == second);
        Assert.False(last.IsReplaced);
        Assert.Same(second.Failure, last.Error);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task FailuresAreRetriedAfterDoublingTimesUpToTenSeconds()
    {
        List<double> attempts = [];
        ConnectionPool pool = NewPool(connect: async token =>
        {
            attempts.Add((_bench.Time.Clock.Now - Timestamp.Zero).TotalSeconds);
            return attempts.Count < 10 ? throw new TransportException(TransportError.ConnectFailed, "no such name") : await _bench.ConnectAsync(token);
        });

        Task<CausewayStream> opening = pool.OpenStreamAsync().AsTask();
        while (!opening.IsCompleted)
        {
            // Only the pool has a timer, while it waits for its next attempt.
            if (!_bench.Time.AdvanceToNextTimer())
            {
                await Task.Yield();
            }
        }

        double[] waits = [.. attempts.Zip(attempts.Skip(1), static (a, b) => b - a)];
        double[] steps = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10];
        Assert.Equal(steps.Length, waits.Length);
        Assert.All(waits.Zip(steps), static pair => Assert.InRange(pair.First, 0, pair.Second * 1.01));
        Assert.Contains(waits, static wait => wait > 5);
        ConnectionPoolEvent[] failures = [.. _bench.Events.Where(static what => what.Kind == ConnectionPoolEventKind.ConnectFailed)];
        Assert.Equal(9, failures.Length);
        Assert.All(failures.Zip(waits), static pair => Assert.Equal(pair.Second, pair.First.RetryDelay!.Value.TotalSeconds, 0.001));
        Assert.Equal(9, pool.Statistics.ConnectFailures);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AReasonThatStaysIsToldAtOnceAndTheNextStreamBeginsAnew()
    {
        int attempts = 0;
        ConnectionPool pool = NewPool(connect: token => ++attempts == 1
            ? throw new TransportException(TransportError.ProtocolViolation, "another key") { ErrorCode = 0x12a }
            : _bench.ConnectAsync(token));
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => pool.OpenStreamAsync().Guarded());
        Assert.Equal("another key", error.Message);
        Assert.Same(error, (await _bench.WaitForAsync(static what => what.Kind == ConnectionPoolEventKind.GaveUp)).Error);
        await pool.OpenStreamAsync().Guarded();
        Assert.Equal(2, attempts);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task ASlotThatCannotConnectDoesNotHoldUpTheOthers()
    {
        int calls = 0;
        ConnectionPool pool = NewPool(connections: 2, connect: token => Interlocked.Increment(ref calls) == 1
            ? ValueTask.FromException<CausewayConnection>(new TransportException(TransportError.ConnectFailed, "not now"))
            : _bench.ConnectAsync(token));

        Task<CausewayStream> stuck = pool.OpenStreamAsync().AsTask();
        await _bench.WaitForAsync(static what => what.Kind == ConnectionPoolEventKind.ConnectFailed);

        await pool.OpenStreamAsync().Guarded();
        Assert.False(stuck.IsCompleted);
        await RunAsync(stuck);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task DisposingEndsThoseWhoWait()
    {
        ConnectionPool pool = NewPool(connect: static _ =>
            throw new TransportException(TransportError.ConnectFailed, "never"));
        Task<CausewayStream> waiting = pool.OpenStreamAsync().AsTask();

        await DisposeAsync(pool);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Guarded());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pool.OpenStreamAsync().Guarded());
    }

    [Fact]
    public async Task CountersOfConnectionsThatEndedAreKept()
    {
        ConnectionPool pool = NewPool();
        CausewayStream stream = await pool.OpenStreamAsync().Guarded();
        await stream.WriteAsync(new byte[1000]).Guarded();
        ConnectionPoolStatistics before = pool.Statistics;
        Assert.True(before.BytesSent >= 1000);

        await RunAsync(stream.Connection.CloseAsync().AsTask());
        await pool.OpenStreamAsync().Guarded();

        ConnectionPoolStatistics after = pool.Statistics;
        Assert.True(after.BytesSent >= before.BytesSent);
        Assert.True(after.OutPackets >= before.OutPackets);
        Assert.Equal(2, after.ConnectionsOpened);
        await DisposeAsync(pool);
        Assert.Equal(0, pool.Statistics.ConnectionsOpen);
    }

    [Fact]
    public async Task NewStreamsDoNotGoToAConnectionThatIsSilentForOverTwoSeconds()
    {
        ConnectionPool pool = NewPool();
        CausewayStream opened = await pool.OpenStreamAsync().Guarded();
        CausewayConnection first = opened.Connection;
        await opened.FlushAsync().Guarded();
        _bench.Time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);
        _bench.Time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(first.IsUnresponsive);
        CausewayStream beside = await pool.OpenStreamAsync().Guarded();
        Assert.NotSame(first, beside.Connection);
        await beside.FlushAsync().Guarded();
        Assert.Same(beside.Connection, (await pool.OpenStreamAsync().Guarded()).Connection);

        // That one gets no answer either: there is another one in its turn, but none for each stream.
        _bench.Time.Advance(TimeSpan.FromSeconds(2.1));
        CausewayConnection third = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(beside.Connection, third);
        Assert.Same(third, (await pool.OpenStreamAsync().Guarded()).Connection);
        Assert.Equal(3, _bench.Connects);

        // What was opened on the first ones goes on there.
        Assert.False(first.Closed.IsCompleted);
        Assert.False(beside.Connection.Closed.IsCompleted);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task TheOneOfTwoThatAnswersIsKeptAndTheOtherClosedWhenItHasNoStreams()
    {
        ConnectionPool pool = NewPool(connect: token => _bench.Connects == 0 ? _bench.ConnectAsync(token) : _bench.ConnectAnsweredAsync(token));
        CausewayStream silent = await pool.OpenStreamAsync().Guarded();
        await silent.FlushAsync().Guarded();
        _bench.Time.Advance(TimeSpan.FromSeconds(2.1));
        CausewayStream answered = await pool.OpenStreamAsync().Guarded();
        Assert.NotSame(silent.Connection, answered.Connection);
        await _bench.AnswerAsync(answered);
        Assert.Same(answered.Connection, (await pool.OpenStreamAsync().Guarded()).Connection);
        _bench.Time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.False(silent.Connection.Closed.IsCompleted);
        silent.Abort();
        await RunAsync(silent.Connection.Closed);
        Assert.False(answered.Connection.Closed.IsCompleted);
        await DisposeAsync(pool);
    }

    private ConnectionPool NewPool(
        int connections = 1,
        int lifetime = 0,
        int drain = 600,
        Func<CancellationToken, ValueTask<CausewayConnection>>? connect = null,
        Action<CausewayConnection>? expiring = null) => _bench.NewPool(connect, options => options with
        {
            MaxConnections = connections,
            Choice = ConnectionChoice.RoundRobin,
            ConnectionLifetime = TimeSpan.FromSeconds(lifetime),
            DrainTimeout = TimeSpan.FromSeconds(drain),
            OnEvent = what =>
            {
                _bench.Events.Enqueue(what);
                if (what.Kind == ConnectionPoolEventKind.Expired)
                {
                    expiring?.Invoke(what.Connection!);
                }
            },
        });

    private Task RunAsync(Task task, double atMost = double.MaxValue) => _bench.RunAsync(task, atMost);

    private Task DisposeAsync(ConnectionPool pool) => _bench.DisposeAsync(pool);
}
