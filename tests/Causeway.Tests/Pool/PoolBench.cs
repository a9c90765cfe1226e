using System.Collections.Concurrent;
using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Tests.Pool;

/// <summary>What tests of pools need: virtual time, links whose other ends nobody listens on, listeners, and the events.</summary>
internal sealed class PoolBench : IAsyncDisposable
{
    private readonly List<CausewayListener> _listeners = [];
    private int _connects;

    public VirtualTimeProvider Time { get; } = new();

    public ConcurrentQueue<ConnectionPoolEvent> Events { get; } = new();

    /// <summary>How often <see cref="ConnectAsync"/> was called.</summary>
    public int Connects => Volatile.Read(ref _connects);

    /// <summary>The listeners at the other ends of <see cref="ConnectAnsweredAsync"/>'s connections.</summary>
    public IReadOnlyList<CausewayListener> Listeners => _listeners;

    /// <summary>A pool with this bench's clock and events; without jitter of lifetimes, unless it is changed.</summary>
    public ConnectionPool NewPool(
        Func<CancellationToken, ValueTask<CausewayConnection>>? connect = null, Func<ConnectionPoolOptions, ConnectionPoolOptions>? change = null)
    {
        Random random = new(7);
        ConnectionPoolOptions options = new()
        {
            Connect = connect ?? ConnectAsync,
            TimeProvider = Time,
            LifetimeJitter = 0,
            OnEvent = Events.Enqueue,
            NextRandom = random.NextDouble,
        };
        return new ConnectionPool(change?.Invoke(options) ?? options);
    }

    public ValueTask<CausewayConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _connects);
        return ConnectAsync(InMemoryLink.CreatePair().First, cancellationToken);
    }

    /// <summary>Makes a connection with a listener at the other end.</summary>
    public async ValueTask<CausewayConnection> ConnectAnsweredAsync(CancellationToken cancellationToken)
    {
        (InMemoryLink near, InMemoryLink far) = InMemoryLink.CreatePair();
        _listeners.Add(await CausewayListener.ListenAsync(
            new CausewayListenerOptions
            {
                Profile = new KcpProfile(),
                ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                CreateLink = _ => far,
                TimeProvider = Time,
            },
            cancellationToken));
        return await ConnectAsync(near, cancellationToken);
    }

    /// <summary>Waits for an event, while no time passes.</summary>
    public async Task<ConnectionPoolEvent> WaitForAsync(Func<ConnectionPoolEvent, bool> isMeant)
    {
        await EventuallyAsync(() => Events.Any(isMeant));
        return Events.First(isMeant);
    }

    /// <summary>Waits for what other threads do, while no time passes.</summary>
    public static async Task EventuallyAsync(Func<bool> isSo)
    {
        // Only keeps a broken test from hanging.
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!isSo())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Sends the opening of a stream and lets the other end acknowledge it.</summary>
    public async Task AnswerAsync(CausewayStream stream)
    {
        await stream.FlushAsync().Guarded();

        // What the other end's threads do takes no virtual time: a bound to it, or a busy machine would make a dead link of this.
        await RunUntilAsync(
            () => stream.Connection.Statistics is not ({ Transport.InPackets: 0 } or { Transport: KcpStatistics { UnacknowledgedSegments: > 0 } }), atMost: 1);
    }

    /// <summary>Lets virtual time pass, but no more seconds than given, until a task is done.</summary>
    public async Task RunAsync(Task task, double atMost = double.MaxValue)
    {
        await RunUntilAsync(() => task.IsCompleted, atMost);
        await task;
    }

    /// <summary>Lets virtual time pass, but no more seconds than given, until something is so.</summary>
    public async Task RunUntilAsync(Func<bool> isSo, double atMost = double.MaxValue)
    {
        Timestamp start = Time.Clock.Now;
        while (!isSo())
        {
            // A step at a time, so that what other threads arm on waking is not jumped over.
            if ((Time.Clock.Now - start).TotalSeconds < atMost)
            {
                Time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Task.Yield();
        }
    }

    public Task DisposeAsync(ConnectionPool pool) => RunAsync(pool.DisposeAsync().AsTask());

    public async ValueTask DisposeAsync()
    {
        foreach (CausewayListener listener in _listeners)
        {
            await listener.DisposeAsync().Guarded();
        }
    }

    private ValueTask<CausewayConnection> ConnectAsync(InMemoryLink link, CancellationToken cancellationToken) => CausewayConnection.ConnectAsync(
        new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
            CreateLink = _ => link,
            TimeProvider = Time,
        },
        cancellationToken);
}
