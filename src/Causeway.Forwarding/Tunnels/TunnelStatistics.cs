namespace Causeway.Forwarding.Tunnels;

/// <summary>Counters of the tunnels of a forwarder. None of them ever goes back.</summary>
public sealed record TunnelStatistics
{
    /// <summary>Requests that were granted: by this server, or by this client's server.</summary>
    public long Granted { get; init; }

    /// <summary>Requests that were refused.</summary>
    public long Refused { get; init; }

    /// <summary>UDP flows that were begun at this end of them.</summary>
    public long FlowsOpened { get; init; }

    /// <summary>UDP flows that are open.</summary>
    public long FlowsOpen { get; init; }

    /// <summary>UDP flows that were not begun, since as many were open as may be (<see cref="TunnelDatagramOptions.MaxFlows"/>).</summary>
    public long FlowsRefused { get; init; }

    /// <summary>UDP payloads that were given to the connection, whole or in pieces.</summary>
    public long DatagramsSent { get; init; }

    /// <summary>UDP payloads that came over the connection, and were whole.</summary>
    public long DatagramsReceived { get; init; }

    /// <summary>UDP payloads that were not sent because they were longer than what goes in pieces.</summary>
    public long DatagramsTooLong { get; init; }

    /// <summary>UDP payloads that never became whole: pieces were missing when their time was up, or the memory was needed.</summary>
    public long DatagramsIncomplete { get; init; }

    /// <summary>UDP payloads, or pieces of them, that had no flow or that a socket, the connection or a full queue did not take.</summary>
    public long DatagramsDropped { get; init; }

    /// <summary>Datagrams of the peer's that could not be read.</summary>
    public long DatagramsMalformed { get; init; }
}
