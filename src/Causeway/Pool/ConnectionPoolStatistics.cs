namespace Causeway;

/// <summary>
/// The sums of the counters of all connections that a pool has had, live and past, so that none of them ever goes back.
/// The gauges among them are sums over the live connections.
/// </summary>
public sealed record ConnectionPoolStatistics
{
    /// <summary>Connections made.</summary>
    public long ConnectionsOpened { get; init; }

    /// <summary>Connections that are open.</summary>
    public long ConnectionsOpen { get; init; }

    /// <summary>The most connections that were open at a time.</summary>
    public long MaxConnectionsOpen { get; init; }

    /// <summary>Attempts to make a connection that failed.</summary>
    public long ConnectFailures { get; init; }

    /// <summary>Callers that wait for a stream; a gauge.</summary>
    public long Waiting { get; init; }

    /// <summary>Streams of either end that are open on the connections; a gauge.</summary>
    public long OpenStreams { get; init; }

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

    /// <summary>Adds the counters of a connection; its gauges too if it is live.</summary>
    internal ConnectionPoolStatistics Plus(ConnectionStatistics connection, bool isLive) => this with
    {
        OpenStreams = OpenStreams + (isLive ? connection.OpenStreams : 0),
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
