using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway;

/// <summary>
/// Settings of a <see cref="ConnectionPool"/>. The defaults are kcptun's (docs/wire/kcptun.md 10.2, 10.7).
/// </summary>
public sealed record ConnectionPoolOptions
{
    /// <summary>
    /// Makes a connection; asked anew for each one, so that it may choose another port or address every time. After a
    /// <see cref="TransportException"/> <see cref="Retry"/> decides whether to try again.
    /// </summary>
    public required Func<CancellationToken, ValueTask<CausewayConnection>> Connect { get; init; }

    /// <summary>Connections to spread streams over, round robin: 1 to 65535. Default 1.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// The age at which a connection is given no more streams and replaced; zero, the default, for never. Hours at most make
    /// sense: it is there to change ports and paths.
    /// </summary>
    public TimeSpan AutoExpire { get; init; }

    /// <summary>
    /// How long after that a replaced connection is closed, even if streams of it are still open; zero or more, default 600
    /// seconds. Longer than <see cref="AutoExpire"/>, old connections pile up.
    /// </summary>
    public TimeSpan ScavengeTtl { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>The clock and its timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where log lines go. Default: nowhere. The logger is called on a thread of its own: while it blocks, lines are dropped
    /// and counted, and traffic goes on.
    /// </summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>
    /// Called before a connection is closed whose time is up, so that streams which are still open can be aborted: an orderly
    /// close would pass them off as complete.
    /// </summary>
    public Action<CausewayConnection>? Expiring { get; init; }

    /// <summary>
    /// When a connection that could not be made is tried again. Default: after 100 ms doubling to 10 s, without end, unless the
    /// reason is one that stays (<see cref="RetryPolicy.Default"/>).
    /// </summary>
    public RetryPolicy Retry { get; init; } = RetryPolicy.Default;

    /// <summary>From 0 up to 1, for the jitter of retries.</summary>
    internal Func<double> NextRandom { get; init; } = Random.Shared.NextDouble;

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Connect);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(Logger);
        ArgumentNullException.ThrowIfNull(Retry);
        if (Connections is < 1 or > 65535)
        {
            throw new ArgumentOutOfRangeException(nameof(Connections), Connections, "Connections must be from 1 to 65535.");
        }

        if (AutoExpire < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(AutoExpire), AutoExpire, "AutoExpire must not be negative; zero is never.");
        }

        if (ScavengeTtl < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(ScavengeTtl), ScavengeTtl, "ScavengeTtl must not be negative.");
        }
    }
}
