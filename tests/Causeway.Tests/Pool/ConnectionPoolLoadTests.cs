using Causeway.Protocol;

namespace Causeway.Tests.Pool;

/// <summary>Which connection a stream goes to when the load decides, and what becomes of those that are replaced.</summary>
public sealed class ConnectionPoolLoadTests : IAsyncLifetime
{
    private readonly PoolBench _bench = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [Fact]
    public async Task ConnectionsAreMadeWhenEachHasItsLoadUpToTheMost()
    {
        ConnectionPool pool = NewPool(most: 3, streams: 2);
        CausewayConnection first = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);
        Assert.Equal(1, _bench.Connects);

        // This one does not wait for the connection that it brings about.
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);
        Dictionary<CausewayConnection, int> loads = new() { [first] = 3 };
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (loads.Count < 3)
        {
            limit.Token.ThrowIfCancellationRequested();
            await OpenAsync(pool, loads, connections: 3, full: 2);
        }

        // Beyond the most, the load is spread.
        while (loads.Values.Distinct().Count() > 1)
        {
            CausewayStream stream = await pool.OpenStreamAsync().Guarded();
            Assert.Equal(loads.Values.Min(), loads[stream.Connection]);
            Count(loads, stream);
        }

        for (int i = 0; i < 9; i++)
        {
            Count(loads, await pool.OpenStreamAsync().Guarded());
        }

        Assert.Single(loads.Values.Distinct());
        Assert.Equal(3, _bench.Connects);
        ConnectionPoolStatistics statistics = pool.Statistics;
        Assert.Equal((3, 0, loads.Values.Sum()), (statistics.ConnectionsOpen, statistics.Waiting, statistics.OpenStreams));
        await _bench.DisposeAsync(pool);
        Assert.Equal((0, 0), (pool.Statistics.ConnectionsOpen, pool.Statistics.OpenStreams));
    }

    [Fact]
    public async Task AStreamGoesWhereStreamsHaveEnded()
    {
        ConnectionPool pool = NewPool(most: 2, streams: 1);
        List<CausewayStream> streams = await OpenAsync(pool, connections: 2, each: 4);
        CausewayConnection emptied = streams[0].Connection;
        int load = emptied.Statistics.OpenStreams;
        foreach (CausewayStream stream in streams.Where(stream => stream.Connection == emptied).Take(3))
        {
            stream.Abort();
        }

        await _bench.RunUntilAsync(() => emptied.Statistics.OpenStreams == load - 3, atMost: 1);
        for (int i = 0; i < 3; i++)
        {
            Assert.Same(emptied, (await pool.OpenStreamAsync().Guarded()).Connection);
        }

        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task AConnectionThatDoesNotAnswerGetsNoStreamHoweverSmallItsLoad()
    {
        ConnectionPool pool = NewPool(
            most: 2, streams: 1, connect: token => _bench.Connects == 0 ? _bench.ConnectAsync(token) : _bench.ConnectAnsweredAsync(token));
        List<CausewayStream> streams = await OpenAsync(pool, connections: 2, each: 2);
        CausewayConnection silent = streams[0].Connection;
        CausewayConnection answering = streams.First(stream => stream.Connection != silent).Connection;
        CausewayStream[] unanswered = [.. streams.Where(stream => stream.Connection == silent)];
        await unanswered[0].FlushAsync().Guarded();
        unanswered[1].Abort();
        _bench.Time.Advance(TimeSpan.FromSeconds(2.1));
        await PoolBench.EventuallyAsync(() => silent.IsUnresponsive);
        await _bench.RunUntilAsync(() => !answering.IsUnresponsive);
        for (int i = 0; i < 4; i++)
        {
            Assert.Same(answering, (await pool.OpenStreamAsync().Guarded()).Connection);
        }

        Assert.Equal((1, 1), (_bench.Connects, _bench.Listeners.Count));
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task ARefusedConnectionBesideAGoodOneHoldsNobodyUpAndIsNotAskedForWithEachStream()
    {
        int calls = 0;
        ConnectionPool pool = NewPool(most: 2, streams: 1, connect: token => Interlocked.Increment(ref calls) == 1
            ? _bench.ConnectAnsweredAsync(token)
            : ValueTask.FromException<CausewayConnection>(new TransportException(TransportError.ProtocolViolation, "no more for you")));
        CausewayConnection only = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.Same(only, (await pool.OpenStreamAsync().Guarded()).Connection);
        await _bench.WaitForAsync(static what => what.Kind == ConnectionPoolEventKind.GaveUp);
        for (int i = 0; i < 20; i++)
        {
            Assert.Same(only, (await pool.OpenStreamAsync().Guarded()).Connection);
        }

        Assert.Equal(2, calls);
        _bench.Time.Advance(TimeSpan.FromSeconds(10));
        await _bench.RunUntilAsync(() => !only.IsUnresponsive);
        await pool.OpenStreamAsync().Guarded();
        await PoolBench.EventuallyAsync(() => Volatile.Read(ref calls) == 3);
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task AnExpiredConnectionDrainsWhileNewStreamsGoToAnother()
    {
        // A lifetime of 10 s less 0.4 x 0.5 of it.
        ConnectionPool pool = _bench.NewPool(_bench.ConnectAnsweredAsync, static options => options with
        {
            ConnectionLifetime = TimeSpan.FromSeconds(10),
            LifetimeJitter = 0.4,
            NextRandom = static () => 0.5,
        });
        Timestamp made = _bench.Time.Clock.Now;
        CausewayStream old = await pool.OpenStreamAsync().Guarded();
        await _bench.AnswerAsync(old);
        CausewayConnection server = await _bench.Listeners[0].AcceptConnectionAsync().Guarded();
        CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        _bench.Time.AdvanceTo(made.Add(TimeSpan.FromSeconds(7.9)));
        CausewayStream late = await pool.OpenStreamAsync().Guarded();
        Assert.Same(old.Connection, late.Connection);
        late.Abort();
        _bench.Time.AdvanceTo(made.Add(TimeSpan.FromSeconds(8)));
        CausewayStream young = await pool.OpenStreamAsync().Guarded();
        Assert.NotSame(old.Connection, young.Connection);
        await _bench.AnswerAsync(young);

        // The old one's stream goes on.
        _bench.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(old.Connection.Closed.IsCompleted);
        await old.WriteAsync("still here"u8.ToArray()).Guarded();
        byte[] read = new byte[10];
        await _bench.RunAsync(accepted.ReadExactlyAsync(read).AsTask(), atMost: 1);
        Assert.Equal("still here"u8.ToArray(), read);

        // With its last stream it ends, long before the time to drain is over.
        old.Abort();
        accepted.Abort();
        await _bench.RunAsync(old.Connection.Closed, atMost: 5);
        ConnectionPoolEvent ended = await _bench.WaitForAsync(what => what.Kind == ConnectionPoolEventKind.Ended && what.Connection == old.Connection);
        Assert.True(ended.IsReplaced);
        Assert.Null(ended.Error);
        Assert.False(young.Connection.Closed.IsCompleted);
        await _bench.DisposeAsync(pool);
    }

    [Fact]
    public async Task ConnectionsThatWereMadeTogetherAreNotReplacedTogether()
    {
        double random = 0;
        ConnectionPool pool = NewPool(most: 2, streams: 1, change: options => options with
        {
            ConnectionLifetime = TimeSpan.FromSeconds(1),
            LifetimeJitter = 0.5,

            // The first lives for 1 s, the second for 0.75.
            NextRandom = () => Interlocked.Exchange(ref random, 0.5),
        });
        List<CausewayStream> streams = await OpenAsync(pool, connections: 2, each: 1);
        CausewayConnection first = streams[0].Connection;
        _bench.Time.Advance(TimeSpan.FromSeconds(0.8));
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);
        CausewayConnection[] used = [.. (await OpenAsync(pool, connections: 2, each: 1)).Select(static stream => stream.Connection).Distinct()];
        Assert.Contains(first, used);
        Assert.DoesNotContain(streams[^1].Connection, used);
        Assert.Equal(3, _bench.Connects);
        await _bench.DisposeAsync(pool);
    }

    private static void Count(Dictionary<CausewayConnection, int> loads, CausewayStream stream) =>
        loads[stream.Connection] = loads.GetValueOrDefault(stream.Connection) + 1;

    /// <summary>Opens streams until so many connections have equally many, and at least so many, each.</summary>
    private async Task<List<CausewayStream>> OpenAsync(ConnectionPool pool, int connections, int each)
    {
        List<CausewayStream> streams = [];
        Dictionary<CausewayConnection, int> loads = [];
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (loads.Values.Count(load => load >= each && load == loads.Values.Max()) < connections)
        {
            limit.Token.ThrowIfCancellationRequested();
            streams.Add(await OpenAsync(pool, loads, connections, full: 1));
        }

        return streams;
    }

    /// <summary>
    /// Opens a stream. If it brings a connection about, waits for that one: otherwise a busy machine opens streams on the others
    /// until they take no more.
    /// </summary>
    private async Task<CausewayStream> OpenAsync(ConnectionPool pool, Dictionary<CausewayConnection, int> loads, int connections, int full)
    {
        long made = Made();
        bool grows = made == loads.Count && made > 0 && made < connections && loads.Values.All(load => load >= full);
        CausewayStream stream = await pool.OpenStreamAsync().Guarded();
        Count(loads, stream);
        if (grows)
        {
            await PoolBench.EventuallyAsync(() => Made() > made);
        }

        // The pool has it a moment after the event.
        await Task.Yield();
        return stream;

        long Made() => pool.Statistics.ConnectionsOpen;
    }

    private ConnectionPool NewPool(
        int most,
        int streams,
        Func<CancellationToken, ValueTask<CausewayConnection>>? connect = null,
        Func<ConnectionPoolOptions, ConnectionPoolOptions>? change = null) => _bench.NewPool(connect, options =>
        {
            options = options with { MaxConnections = most, StreamsPerConnection = streams };
            return change?.Invoke(options) ?? options;
        });
}
