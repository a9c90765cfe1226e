using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway;

/// <summary>Settings of a <see cref="ConnectionPool"/>. Only <see cref="Connect"/> has no default.</summary>
public sealed record ConnectionPoolOptions
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(365);
    private static readonly TimeSpan s_longestClose = TimeSpan.FromHours(1);

    /// <summary>
    /// Makes a connection, usually by <see cref="CausewayConnection.ConnectAsync"/>. Called anew for each one, so that it may choose
    /// another address or port every time; perhaps by several threads at a time. It must end when its token is cancelled, which
    /// happens when the pool is disposed. After a <see cref="TransportException"/> <see cref="Retry"/> decides whether it is called
    /// again; any other exception goes to the callers that wait. The pool owns the connection.
    /// </summary>
    public required Func<CancellationToken, ValueTask<CausewayConnection>> Connect { get; init; }

    /// <summary>
    /// The most connections that streams are opened on at a time: 1 to 65535, default 1. One is best for most paths: several share
    /// no congestion window, and each has a handshake of its own. More are for paths that slow a single flow down, and for more
    /// throughput than one processor core gives. Those that are being replaced, or do not answer, come on top.
    /// </summary>
    public int MaxConnections { get; init; } = 1;

    /// <summary>How the connection for a stream is chosen. Default <see cref="ConnectionChoice.LeastLoaded"/>.</summary>
    public ConnectionChoice Choice { get; init; } = ConnectionChoice.LeastLoaded;

    /// <summary>
    /// The load of every connection at which another is made, up to <see cref="MaxConnections"/>: 1 or more, default 100. Not a limit:
    /// when all are made, streams go on being opened. It should not be more than the streams that the peer allows on a connection.
    /// Means nothing with <see cref="ConnectionChoice.RoundRobin"/>.
    /// </summary>
    public int StreamsPerConnection { get; init; } = 100;

    /// <summary>
    /// The age at which a connection is given no more streams, and is replaced when the next stream is asked for: up to 365 days;
    /// zero, the default, for never. Its streams go on; when the last has ended, it is closed.
    /// </summary>
    public TimeSpan ConnectionLifetime { get; init; }

    /// <summary>
    /// The share of <see cref="ConnectionLifetime"/> that is at most taken off at random, so that connections which were made together
    /// are not replaced together: 0 to 1, default 0.2.
    /// </summary>
    public double LifetimeJitter { get; init; } = 0.2;

    /// <summary>
    /// How long after its lifetime a connection is closed even if streams of it are still open: up to 365 days, default 600 seconds.
    /// Looked at every 5 seconds. Longer than <see cref="ConnectionLifetime"/>, old connections pile up.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>
    /// How long the peer is given to acknowledge what was written, when the pool closes a connection: up to an hour, default 2 seconds.
    /// </summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// When a connection that could not be made is tried again. Default: after 100 ms doubling to 10 s, without end, unless the
    /// reason is one that stays (<see cref="RetryPolicy.Default"/>).
    /// </summary>
    public RetryPolicy Retry { get; init; } = RetryPolicy.Default;

    /// <summary>
    /// Told what happens to connections, on a thread of the pool's own or a timer's. It must not block. What it throws is logged and
    /// goes no further. Default: nobody.
    /// </summary>
    public Action<ConnectionPoolEvent>? OnEvent { get; init; }

    /// <summary>The clock and its timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where log lines go (docs/telemetry.md). Default: nowhere. They are written on the thread pool; those that a logger does
    /// not keep up with are dropped.
    /// </summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>From 0 up to 1, for the jitter of retries and lifetimes.</summary>
    internal Func<double> NextRandom { get; init; } = Random.Shared.NextDouble;

    /// <summary>Fails if a value is out of its range. The pool asks it first.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it, its value and the range.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Connect);
        ArgumentNullException.ThrowIfNull(Retry);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        Check(MaxConnections is >= 1 and <= 65535, nameof(MaxConnections), MaxConnections, "from 1 to 65535");
        Check(Enum.IsDefined(Choice), nameof(Choice), Choice, "LeastLoaded or RoundRobin");
        Check(StreamsPerConnection >= 1, nameof(StreamsPerConnection), StreamsPerConnection, "1 or more");
        Check(IsBetween(ConnectionLifetime, s_longest), nameof(ConnectionLifetime), ConnectionLifetime, "from 0, for never, to 365 days");
        Check(LifetimeJitter is >= 0 and <= 1, nameof(LifetimeJitter), LifetimeJitter, "from 0 to 1");
        Check(IsBetween(DrainTimeout, s_longest), nameof(DrainTimeout), DrainTimeout, "from 0 to 365 days");
        Check(IsBetween(CloseTimeout, s_longestClose), nameof(CloseTimeout), CloseTimeout, "from 0 to an hour");
    }

    private static bool IsBetween(TimeSpan value, TimeSpan most) => value >= TimeSpan.Zero && value <= most;

    private static void Check(bool isGood, string name, object value, string range)
    {
        if (!isGood)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {range}.");
        }
    }
}

/// <summary>How a <see cref="ConnectionPool"/> chooses the connection for a stream.</summary>
public enum ConnectionChoice
{
    /// <summary>
    /// The connection with the least load that answers: the fewest streams open on it by either end, with the callers that wait for one.
    /// Among equals it is each one's turn. Another connection is made when each has
    /// <see cref="ConnectionPoolOptions.StreamsPerConnection"/>.
    /// </summary>
    LeastLoaded,

    /// <summary>
    /// Each connection in its turn, whatever its load; it is made if need be. What kcptun does (docs/wire/kcptun.md 10.2).
    /// </summary>
    RoundRobin,
}
