namespace Causeway.Forwarding.Tunnels;

/// <summary>Counters of the tunnels of a forwarder. None of them ever goes back.</summary>
public sealed record TunnelStatistics
{
    /// <summary>Requests that were granted: by this server, or by this client's server.</summary>
    public long Granted { get; init; }

    /// <summary>Requests that were refused.</summary>
    public long Refused { get; init; }
}
