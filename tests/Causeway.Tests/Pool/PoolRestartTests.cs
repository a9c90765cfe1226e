using System.Collections.Concurrent;
using System.Net;
using Causeway.Quic;

namespace Causeway.Tests.Pool;

/// <summary>A pool whose server goes, and comes back with its own key or another one. Over sockets, with QUIC.</summary>
public sealed class PoolRestartTests
{
    private readonly ConcurrentQueue<ConnectionPoolEvent> _events = new();
    private readonly CausewayKey _key = CausewayKey.Create();
    private volatile EndPoint? _server;
    private int _connects;

    [Fact]
    public async Task StreamsAreOpenedAgainWhenTheServerIsBack()
    {
        await using ConnectionPool pool = NewPool();
        CausewayConnection before;
        await using (CausewayListener first = await ListenAsync(_key))
        {
            CausewayStream stream = await pool.OpenStreamAsync().Guarded();
            before = stream.Connection;
            await EchoAsync(first, stream);
            _server = null;
        }

        await before.Closed.Guarded();
        Task<CausewayStream> waiting = pool.OpenStreamAsync().AsTask();
        await PoolBench.EventuallyAsync(() => pool.Statistics.ConnectFailures >= 3);
        Assert.False(waiting.IsCompleted);
        await using CausewayListener second = await ListenAsync(_key);
        CausewayStream after = await waiting.Guarded();
        Assert.NotSame(before, after.Connection);
        await EchoAsync(second, after);
        await PoolBench.EventuallyAsync(() => _events.Any(static what => what.Kind == ConnectionPoolEventKind.Ended));
        Assert.Equal(2, _events.Count(static what => what.Kind == ConnectionPoolEventKind.Connected));
    }

    [Fact]
    public async Task AServerWithAnotherKeyIsTriedOnceAndAllWhoWaitAreTold()
    {
        await using ConnectionPool pool = NewPool();
        using CausewayKey other = CausewayKey.Create();
        await using CausewayListener listener = await ListenAsync(other);
        Task<CausewayStream>[] waiting = [pool.OpenStreamAsync().AsTask(), pool.OpenStreamAsync().AsTask()];
        foreach (Task<CausewayStream> one in waiting)
        {
            TransportException error = await Assert.ThrowsAsync<TransportException>(() => one.Guarded());
            Assert.Equal((TransportError.ProtocolViolation, false), (error.Error, error.IsTransient));
        }

        Assert.Equal(1, _connects);
        Assert.Equal([ConnectionPoolEventKind.GaveUp], _events.Select(static what => what.Kind));
    }

    private static async Task EchoAsync(CausewayListener listener, CausewayStream stream)
    {
        await stream.WriteAsync("hello"u8.ToArray()).Guarded();
        await stream.FlushAsync().Guarded();
        CausewayConnection connection = await listener.AcceptConnectionAsync().Guarded();
        CausewayStream accepted = await connection.AcceptStreamAsync().Guarded();
        byte[] read = new byte[5];
        await accepted.ReadExactlyAsync(read).Guarded();
        Assert.Equal("hello"u8.ToArray(), read);
    }

    private ConnectionPool NewPool() => new(new ConnectionPoolOptions
    {
        Connect = token =>
        {
            Interlocked.Increment(ref _connects);
            return _server is { } server
                ? CausewayConnection.ConnectAsync(
                    new CausewayClientOptions
                    {
                        Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(_key.Fingerprint) },
                        RemoteEndPoint = server,
                    },
                    token)
                : throw new TransportException(TransportError.ConnectFailed, "nobody listens");
        },
        Retry = RetryPolicy.Exponential(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(10)),
        OnEvent = _events.Enqueue,
    });

    private async Task<CausewayListener> ListenAsync(CausewayKey key)
    {
        CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key) },
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        });
        _server = listener.LocalEndPoint;
        return listener;
    }
}
