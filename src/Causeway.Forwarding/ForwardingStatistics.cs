using Causeway.Protocol;

namespace Causeway.Forwarding;

/// <summary>
/// The sums of the counters of all connections that a forwarder has had, live and past, so that none of them ever goes back.
/// The gauges among them are sums over the live connections.
/// </summary>
public sealed record ForwardingStatistics
{
    /// <summary>Connections made or accepted.</summary>
    public long ConnectionsOpened { get; init; }

    /// <summary>Connections that are open.</summary>
    public long ConnectionsOpen { get; init; }

    /// <summary>The most connections that were open at a time.</summary>
    public long MaxConnectionsOpen { get; init; }

    /// <summary>Forwarded connections (streams with a socket) that are open.</summary>
    public long ForwardsOpen { get; init; }

    /// <summary>
    /// Datagrams that would have opened a connection once more: <see cref="ListenerStatistics.Replayed"/> of all ports.
    /// </summary>
    public long Replayed { get; init; }

    /// <summary>Bytes written into the reliable pipes.</summary>
    public long BytesSent { get; init; }

    /// <summary>Bytes read from the reliable pipes.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Datagrams that passed packet protection.</summary>
    public long InPackets { get; init; }

    /// <summary>Their bytes.</summary>
    public long InBytes { get; init; }

    /// <summary>Datagrams sent.</summary>
    public long OutPackets { get; init; }

    /// <summary>Their bytes.</summary>
    public long OutBytes { get; init; }

    /// <summary>
    /// The sums of what the connections' engine counts besides, e.g. <c>KcpCounters</c>; null before the first connection.
    /// </summary>
    public TransportCounters? Engine { get; init; }

    /// <summary>The smoothed round-trip time of one of the open connections; zero before the first sample.</summary>
    public TimeSpan SmoothedRtt { get; init; }

    /// <summary>The counters of a client's pool.</summary>
    internal static ForwardingStatistics Of(ConnectionPoolStatistics pool) => new()
    {
        ConnectionsOpened = pool.ConnectionsOpened,
        ConnectionsOpen = pool.ConnectionsOpen,
        MaxConnectionsOpen = pool.MaxConnectionsOpen,
        BytesSent = pool.BytesSent,
        BytesReceived = pool.BytesReceived,
        InPackets = pool.InPackets,
        InBytes = pool.InBytes,
        OutPackets = pool.OutPackets,
        OutBytes = pool.OutBytes,
        Engine = pool.Engine,
        SmoothedRtt = pool.SmoothedRtt,
    };

    /// <summary>Adds the counters of a connection; its gauges too if it is live.</summary>
    internal ForwardingStatistics Plus(ConnectionStatistics connection, bool isLive) => this with
    {
        BytesSent = BytesSent + connection.Transport.BytesSent,
        BytesReceived = BytesReceived + connection.Transport.BytesReceived,
        InPackets = InPackets + connection.Transport.InPackets,
        InBytes = InBytes + connection.Transport.InBytes,
        OutPackets = OutPackets + connection.Transport.OutPackets,
        OutBytes = OutBytes + connection.Transport.OutBytes,
        Engine = connection.Transport.AddTo(Engine, isLive),
        SmoothedRtt = isLive && connection.Transport.SmoothedRtt > TimeSpan.Zero ? connection.Transport.SmoothedRtt : SmoothedRtt,
    };
}
