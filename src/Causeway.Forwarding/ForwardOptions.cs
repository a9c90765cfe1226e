using Causeway.Forwarding.Tunnels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway.Forwarding;

/// <summary>What <see cref="ForwardClient"/> and <see cref="ForwardServer"/> have in common.</summary>
public abstract record ForwardOptions
{
    /// <summary>The default of <see cref="MaxForwards"/>.</summary>
    public const int DefaultMaxForwards = 16384;

    private protected ForwardOptions()
    {
    }

    /// <summary>
    /// With a kcptun peer, which cannot close one direction alone: how long the other one may go on after one has ended.
    /// Zero or more; default zero. Between two ends of Causeway <see cref="HalfCloseLimit"/> counts.
    /// </summary>
    public TimeSpan CloseWait { get; init; }

    /// <summary>
    /// With a peer that can close one direction alone, as Causeway can: how long the other one may go on after one has ended.
    /// Zero or more; null, the default, for as long as it likes.
    /// </summary>
    public TimeSpan? HalfCloseLimit { get; init; }

    /// <summary>
    /// Connections that may be forwarded at a time, at least 1. Default 16384, and never more than the process may have files
    /// open (see <see cref="OpenFileLimit"/>) less some tens. Each holds a socket, and up to 128 KiB while it moves bytes. A
    /// client lets further ones wait in the listening socket; on a server 1024 streams may wait for a place, for
    /// <see cref="ForwardServerOptions.ConnectTimeout"/> at most, and further ones are reset.
    /// </summary>
    public int MaxForwards { get; init; } = DefaultMaxForwards;

    /// <summary>Leaves out the log lines about single streams. Default false.</summary>
    public bool Quiet { get; init; }

    /// <summary>The clock and its timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where log lines go. Default: nowhere. The logger is called on a thread of its own: while it blocks, lines are dropped
    /// and counted, and traffic goes on.
    /// </summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    internal virtual void Validate()
    {
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(Logger);
        if (CloseWait < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(CloseWait), CloseWait, "CloseWait must not be negative.");
        }

        if (HalfCloseLimit < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(HalfCloseLimit), HalfCloseLimit, "HalfCloseLimit must not be negative.");
        }

        if (MaxForwards < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxForwards), MaxForwards, "MaxForwards must be at least 1.");
        }
    }

    /// <summary>The limits of the pool, by the names that the options have here.</summary>
    private protected static void CheckConnections(int value, string name)
    {
        if (value is < 1 or > 65535)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from 1 to 65535.");
        }
    }

    private protected static void CheckDays(TimeSpan value, string name)
    {
        if (value < TimeSpan.Zero || value > TimeSpan.FromDays(365))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from 0 to 365 days.");
        }
    }
}

/// <summary>Settings of a <see cref="ForwardClient"/>.</summary>
public sealed record ForwardClientOptions : ForwardOptions
{
    /// <summary>Where connections are accepted.</summary>
    public required ForwardEndPoint Listen { get; init; }

    /// <summary>
    /// The settings of the next connection to the server; asked for each one, so that it may choose another port every time.
    /// </summary>
    public required Func<CausewayClientOptions> Connection { get; init; }

    /// <summary>Connections to spread streams over, round robin: 1 to 65535. Default 1.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// The age at which a connection is given no more streams and replaced, up to 365 days; zero, the default, for never. Hours at
    /// most make sense: it is there to change ports and paths.
    /// </summary>
    public TimeSpan AutoExpire { get; init; }

    /// <summary>
    /// How long after that a replaced connection is closed, even if streams of it are still open; up to 365 days, default 600
    /// seconds. Longer than <see cref="AutoExpire"/>, old connections pile up.
    /// </summary>
    public TimeSpan ScavengeTtl { get; init; } = TimeSpan.FromSeconds(600);

    internal override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Listen);
        ArgumentNullException.ThrowIfNull(Connection);
        CheckConnections(Connections, nameof(Connections));
        CheckDays(AutoExpire, nameof(AutoExpire));
        CheckDays(ScavengeTtl, nameof(ScavengeTtl));
    }
}

/// <summary>Settings of a <see cref="ForwardServer"/>.</summary>
public sealed record ForwardServerOptions : ForwardOptions
{
    /// <summary>The ports that clients connect to, at least one.</summary>
    public required IReadOnlyList<CausewayListenerOptions> Listeners { get; init; }

    /// <summary>
    /// Where streams are forwarded to that name no target themselves. A host name is looked up for each of them. Null, the default, for
    /// a server that only opens what <see cref="Tunnels"/> allows; one of the two is needed.
    /// </summary>
    public ForwardEndPoint? Target { get; init; }

    /// <summary>
    /// What clients may have opened that speak <see cref="TunnelProtocol"/>, which the listeners' profiles must offer. Default: nothing
    /// beside <see cref="Target"/>.
    /// </summary>
    public TunnelPolicy Tunnels { get; init; } = new();

    /// <summary>
    /// Whether TCP targets get a header of the PROXY protocol (version 2) in front of a connection, which tells the address that the
    /// client has here. Targets that do not expect it take it for data. Default false.
    /// </summary>
    public bool SendsProxyHeader { get; init; }

    /// <summary>
    /// How long a connection to the target may take, together with the wait for a place among
    /// <see cref="ForwardOptions.MaxForwards"/>; more than zero, default 10 seconds.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    internal override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Tunnels);
        Tunnels.Validate();
        ArgumentNullException.ThrowIfNull(Listeners);
        if (Target is null && Tunnels.Targets.Count == 0 && Tunnels.Listening.Count == 0)
        {
            throw new ArgumentException("There is neither a Target nor anything that Tunnels allow: the server could open nothing.", nameof(Target));
        }

        if (Listeners.Count == 0)
        {
            throw new ArgumentException("Listeners must have at least one port.", nameof(Listeners));
        }

        if (ConnectTimeout <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(ConnectTimeout), ConnectTimeout, "ConnectTimeout must be more than zero.");
        }
    }
}
