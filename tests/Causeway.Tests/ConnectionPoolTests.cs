using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>In virtual time, over links whose other ends nobody listens on.</summary>
public sealed class ConnectionPoolTests
{
    private readonly VirtualTimeProvider _time = new();
    private readonly ListLogger _logger = new();
    private int _connects;

    [Fact]
    public async Task StreamsGoRoundRobinOverConnectionsMadeOnFirstUse()
    {
        ConnectionPool pool = NewPool(connections: 3);
        Assert.Equal(0, _connects);

        CausewayConnection[] used = new CausewayConnection[7];
        for (int i = 0; i < used.Length; i++)
        {
            used[i] = (await pool.OpenStreamAsync().Guarded()).Connection;
            Assert.Equal(Math.Min(i + 1, 3), _connects);
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
        await using Listeners listeners = new(_time);
        ConnectionPool pool = NewPool(autoExpire: 10, scavengeTtl: 7, connect: listeners.ConnectAsync, expiring: expiring.Add);
        Timestamp made = _time.Clock.Now;
        CausewayStream opened = await pool.OpenStreamAsync().Guarded();
        CausewayConnection first = opened.Connection;
        await AnswerAsync(opened);
        _time.AdvanceTo(made.Add(TimeSpan.FromSeconds(9.9)));
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);

        _time.Advance(TimeSpan.FromSeconds(0.1));
        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);
        Assert.False(first.Closed.IsCompleted);

        // 17 s after it was made, noticed at the scavenger's next look.
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Empty(expiring);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([first], expiring);
        await RunAsync(first.Closed, atMost: 3);
        Assert.False(second.Closed.IsCompleted);
        await _logger.WaitForAsync(line => line == $"scavenger: session closed due to ttl: {first.LocalEndPoint}");
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AClosedConnectionIsReplacedAndScavenged()
    {
        ConnectionPool pool = NewPool(autoExpire: 1000);
        CausewayConnection first = (await pool.OpenStreamAsync().Guarded()).Connection;
        await RunAsync(first.CloseAsync().AsTask());

        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);
        _time.Advance(TimeSpan.FromSeconds(5));
        await _logger.WaitForAsync(line => line == $"scavenger: session normally closed: {first.LocalEndPoint}");
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AReplacedConnectionEndsWithoutALineOfItsOwn()
    {
        ConnectionPool pool = NewPool(autoExpire: 10, scavengeTtl: 1000);
        CausewayConnection first = (await pool.OpenStreamAsync().Guarded()).Connection;
        _time.Advance(TimeSpan.FromSeconds(10));
        CausewayConnection second = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(first, second);

        // Nobody answers, so both end by themselves; only the one in use is told of.
        await RunAsync(first.Closed, atMost: 60);
        await RunAsync(second.Closed, atMost: 60);
        Assert.NotNull(first.Failure);
        await _logger.WaitForAsync(static line => line.StartsWith("session ended: ", StringComparison.Ordinal));
        Assert.Single(_logger.Lines, static line => line.StartsWith("session ended: ", StringComparison.Ordinal));
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task FailuresAreRetriedAfterDoublingTimesUpToTenSeconds()
    {
        List<double> attempts = [];
        ConnectionPool pool = NewPool(connect: async token =>
        {
            attempts.Add((_time.Clock.Now - Timestamp.Zero).TotalSeconds);
            return attempts.Count < 10 ? throw new TransportException(TransportError.ConnectFailed, "no such name") : await ConnectAsync(token);
        });

        Task<CausewayStream> opening = pool.OpenStreamAsync().AsTask();
        while (!opening.IsCompleted)
        {
            // Only the pool has a timer, while it waits for its next attempt.
            if (!_time.AdvanceToNextTimer())
            {
                await Task.Yield();
            }
        }

        double[] waits = [.. attempts.Zip(attempts.Skip(1), static (a, b) => b - a)];
        double[] steps = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10];
        Assert.Equal(steps.Length, waits.Length);
        Assert.All(waits.Zip(steps), static pair => Assert.InRange(pair.First, 0, pair.Second * 1.01));
        Assert.Contains(waits, static wait => wait > 5);
        await _logger.WaitForAsync(_ => _logger.Lines.Count(static line => line == "re-connecting: no such name") == 9);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task AReasonThatStaysIsToldAtOnceAndTheNextStreamBeginsAnew()
    {
        int attempts = 0;
        ConnectionPool pool = NewPool(connect: token => ++attempts == 1
            ? throw new TransportException(TransportError.ProtocolViolation, "another key") { ErrorCode = 0x12a }
            : ConnectAsync(token));
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => pool.OpenStreamAsync().Guarded());
        Assert.Equal("another key", error.Message);
        await _logger.WaitForAsync(static line => line == "cannot connect, and trying again would not help: another key");
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
            : ConnectAsync(token));

        Task<CausewayStream> stuck = pool.OpenStreamAsync().AsTask();
        while (_logger.Lines.IsEmpty)
        {
            await Task.Yield();
        }

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
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Same(first, (await pool.OpenStreamAsync().Guarded()).Connection);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(first.IsUnresponsive);
        CausewayStream beside = await pool.OpenStreamAsync().Guarded();
        Assert.NotSame(first, beside.Connection);
        await beside.FlushAsync().Guarded();
        Assert.Same(beside.Connection, (await pool.OpenStreamAsync().Guarded()).Connection);

        // That one gets no answer either: there is another one in its turn, but none for each stream.
        _time.Advance(TimeSpan.FromSeconds(2.1));
        CausewayConnection third = (await pool.OpenStreamAsync().Guarded()).Connection;
        Assert.NotSame(beside.Connection, third);
        Assert.Same(third, (await pool.OpenStreamAsync().Guarded()).Connection);
        Assert.Equal(3, _connects);

        // What was opened on the first ones goes on there.
        Assert.False(first.Closed.IsCompleted);
        Assert.False(beside.Connection.Closed.IsCompleted);
        await DisposeAsync(pool);
    }

    [Fact]
    public async Task TheOneOfTwoThatAnswersIsKeptAndTheOtherClosedWhenItHasNoStreams()
    {
        await using Listeners listeners = new(_time);
        ConnectionPool pool = NewPool(connect: token => _connects == 0 ? ConnectAsync(token) : listeners.ConnectAsync(token));
        CausewayStream silent = await pool.OpenStreamAsync().Guarded();
        await silent.FlushAsync().Guarded();
        _time.Advance(TimeSpan.FromSeconds(2.1));
        CausewayStream answered = await pool.OpenStreamAsync().Guarded();
        Assert.NotSame(silent.Connection, answered.Connection);
        await AnswerAsync(answered);
        Assert.Same(answered.Connection, (await pool.OpenStreamAsync().Guarded()).Connection);
        _time.Advance(TimeSpan.FromSeconds(1.5));
        Assert.False(silent.Connection.Closed.IsCompleted);
        silent.Abort();
        await RunAsync(silent.Connection.Closed);
        Assert.False(answered.Connection.Closed.IsCompleted);
        await DisposeAsync(pool);
    }

    [Theory]
    [InlineData(0, 0, 0, "Connections")]
    [InlineData(65536, 0, 0, "Connections")]
    [InlineData(1, -1, 0, "AutoExpire")]
    [InlineData(1, 0, -1, "ScavengeTtl")]
    public void RefusesOptionsOutOfRange(int connections, int autoExpire, int scavengeTtl, string named)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => NewPool(connections, autoExpire, scavengeTtl));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Sends the opening of a stream and lets the other end acknowledge it.</summary>
    private async Task AnswerAsync(CausewayStream stream)
    {
        await stream.FlushAsync().Guarded();

        // What the other end's threads do takes no virtual time: a bound to it, or a busy machine would make a dead link of this.
        Timestamp most = _time.Clock.Now.Add(TimeSpan.FromSeconds(1));
        while (stream.Connection.Statistics is { Transport.InPackets: 0 } or { Transport: KcpStatistics { UnacknowledgedSegments: > 0 } })
        {
            if (_time.Clock.Now < most)
            {
                _time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Task.Yield();
        }
    }

    private ConnectionPool NewPool(
        int connections = 1,
        int autoExpire = 0,
        int scavengeTtl = 600,
        Func<CancellationToken, ValueTask<CausewayConnection>>? connect = null,
        Action<CausewayConnection>? expiring = null)
    {
        Random random = new(7);
        return new ConnectionPool(new ConnectionPoolOptions
        {
            Connect = connect ?? ConnectAsync,
            Connections = connections,
            AutoExpire = TimeSpan.FromSeconds(autoExpire),
            ScavengeTtl = TimeSpan.FromSeconds(scavengeTtl),
            TimeProvider = _time,
            Logger = _logger,
            Expiring = expiring,
            NextRandom = random.NextDouble,
        });
    }

    private ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _connects);
        return CausewayConnection.ConnectAsync(
            new CausewayClientOptions
            {
                Profile = new KcpProfile(),
                RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
                CreateLink = static _ => InMemoryLink.CreatePair().First,
                TimeProvider = _time,
            },
            cancellationToken);
    }

    /// <summary>Lets virtual time pass, but no more seconds than given, until a task is done.</summary>
    private async Task RunAsync(Task task, double atMost = double.MaxValue)
    {
        Timestamp start = _time.Clock.Now;
        while (!task.IsCompleted)
        {
            // A step at a time, so that what other threads arm on waking is not jumped over.
            if ((_time.Clock.Now - start).TotalSeconds < atMost)
            {
                _time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Task.Yield();
        }

        await task;
    }

    private Task DisposeAsync(ConnectionPool pool) => RunAsync(pool.DisposeAsync().AsTask());

    /// <summary>Makes connections with a listener at the other end of each.</summary>
    private sealed class Listeners(VirtualTimeProvider time) : IAsyncDisposable
    {
        private readonly List<CausewayListener> _listeners = [];

        public async ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
        {
            (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair();
            _listeners.Add(await CausewayListener.ListenAsync(
                new CausewayListenerOptions
                {
                    Profile = new KcpProfile(),
                    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                    CreateLink = _ => far,
                    TimeProvider = time,
                },
                cancellationToken));
            return await CausewayConnection.ConnectAsync(
                new CausewayClientOptions
                {
                    Profile = new KcpProfile(),
                    RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
                    CreateLink = _ => near,
                    TimeProvider = time,
                },
                cancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (CausewayListener listener in _listeners)
            {
                await listener.DisposeAsync().Guarded();
            }
        }
    }
}
