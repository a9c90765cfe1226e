namespace Causeway.Forwarding.Tunnels;

/// <summary>Settings of a <see cref="TunnelClient"/>.</summary>
public sealed record TunnelClientOptions : ForwardOptions
{
    /// <inheritdoc cref="ForwardClientOptions.Connection"/>
    /// <remarks>
    /// The profile should offer <see cref="TunnelProtocol.Name"/> in the handshake. A server that agrees on another protocol gets bare
    /// streams, which lead to its own target; everything else is refused.
    /// </remarks>
    public required Func<CausewayClientOptions> Connection { get; init; }

    /// <summary>Where this end listens, and where the server leads what comes in. Default: nowhere.</summary>
    public IReadOnlyList<TunnelForward> Forwards { get; init; } = [];

    /// <summary>Where the server is to listen, and where this end leads what comes in. Default: nowhere.</summary>
    public IReadOnlyList<TunnelForward> ReverseForwards { get; init; } = [];

    /// <summary>Where this end listens for users who name the target themselves. Default: nowhere.</summary>
    public IReadOnlyList<DynamicForward> DynamicForwards { get; init; } = [];

    /// <summary>What goes over datagrams.</summary>
    public TunnelDatagramOptions Datagrams { get; init; } = new();

    /// <inheritdoc cref="ForwardClientOptions.Connections"/>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// How long this end waits for one of its own targets to take a connection of a reverse tunnel; more than zero, default 10 seconds.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    internal override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Connection);
        ArgumentNullException.ThrowIfNull(Forwards);
        ArgumentNullException.ThrowIfNull(ReverseForwards);
        ArgumentNullException.ThrowIfNull(DynamicForwards);
        ArgumentNullException.ThrowIfNull(Datagrams);
        CheckConnections(Connections, nameof(Connections));
        Datagrams.Validate();
        foreach (TunnelForward forward in Forwards)
        {
            forward.Validate(needsTarget: false);
        }

        foreach (DynamicForward forward in DynamicForwards)
        {
            forward.Validate();
        }

        foreach (TunnelForward forward in ReverseForwards)
        {
            forward.Validate(needsTarget: true);
        }

        if (ConnectTimeout <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(ConnectTimeout), ConnectTimeout, "ConnectTimeout must be more than zero.");
        }
    }
}
