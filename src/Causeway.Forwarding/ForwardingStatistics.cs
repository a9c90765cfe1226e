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

    /// <summary>Datagrams that are too short for the FEC header that they begin with.</summary>
    public long InErrors { get; init; }

    /// <summary>Datagrams in which the reliable layer found an error.</summary>
    public long KcpInErrors { get; init; }

    /// <summary>Segments received.</summary>
    public long InSegments { get; init; }

    /// <summary>Segments sent.</summary>
    public long OutSegments { get; init; }

    /// <summary>Segments sent again because enough later ones were acknowledged.</summary>
    public long FastRetransmits { get; init; }

    /// <summary>Segments sent again after fewer, because nothing new was there to provoke more.</summary>
    public long EarlyRetransmits { get; init; }

    /// <summary>Segments sent again because their timer ran out.</summary>
    public long Timeouts { get; init; }

    /// <summary>Data segments received that were duplicates, old or beyond the window.</summary>
    public long Repeated { get; init; }

    /// <summary>Groups of shards whose data arrived complete.</summary>
    public long FecFullShardSets { get; init; }

    /// <summary>Data datagrams rebuilt.</summary>
    public long FecRecovered { get; init; }

    /// <summary>Groups that could not be rebuilt.</summary>
    public long FecErrors { get; init; }

    /// <summary>Parity datagrams received.</summary>
    public long FecParityShards { get; init; }

    /// <summary>Open groups of shards; a gauge.</summary>
    public long FecShardSets { get; init; }

    /// <summary>The newest group of any live connection; a gauge.</summary>
    public long FecNewestGroup { get; init; }

    /// <summary>Out-of-band datagrams received.</summary>
    public long OutOfBand { get; init; }

    /// <summary>Segments that were written and not sent yet; a gauge.</summary>
    public long SendQueueSegments { get; init; }

    /// <summary>Segments that were sent and not acknowledged yet; a gauge.</summary>
    public long UnacknowledgedSegments { get; init; }

    /// <summary>Segments that arrived in order and were not read yet; a gauge.</summary>
    public long ReceiveQueueSegments { get; init; }

    /// <summary>The smoothed round-trip time of one of the open connections; zero before the first sample.</summary>
    public TimeSpan SmoothedRtt { get; init; }

    /// <summary>Adds the counters of a connection; its gauges too if it is live.</summary>
    internal ForwardingStatistics Plus(ConnectionStatistics connection, bool isLive) => this with
    {
        BytesSent = BytesSent + connection.Transport.BytesSent,
        BytesReceived = BytesReceived + connection.Transport.BytesReceived,
        InPackets = InPackets + connection.Transport.InPackets,
        InBytes = InBytes + connection.Transport.InBytes,
        OutPackets = OutPackets + connection.Transport.OutPackets,
        OutBytes = OutBytes + connection.Transport.OutBytes,
        InErrors = InErrors + connection.Fec.MalformedTooShort,
        KcpInErrors = KcpInErrors + connection.Transport.KcpInErrors,
        InSegments = InSegments + connection.Arq.InSegments,
        OutSegments = OutSegments + connection.Arq.OutSegments,
        FastRetransmits = FastRetransmits + connection.Arq.FastRetransmits,
        EarlyRetransmits = EarlyRetransmits + connection.Arq.EarlyRetransmits,
        Timeouts = Timeouts + connection.Arq.Timeouts,
        Repeated = Repeated + connection.Arq.Repeated,
        FecFullShardSets = FecFullShardSets + connection.Fec.FullShardSets,
        FecRecovered = FecRecovered + connection.Fec.Recovered,
        FecErrors = FecErrors + connection.Fec.Errors,
        FecParityShards = FecParityShards + connection.Fec.ParityShards,
        OutOfBand = OutOfBand + connection.Fec.OutOfBand,
        FecShardSets = FecShardSets + (isLive ? connection.Fec.ShardSets : 0),
        SendQueueSegments = SendQueueSegments + (isLive ? connection.SendQueueSegments : 0),
        UnacknowledgedSegments = UnacknowledgedSegments + (isLive ? connection.UnacknowledgedSegments : 0),
        ReceiveQueueSegments = ReceiveQueueSegments + (isLive ? connection.ReceiveQueueSegments : 0),
        SmoothedRtt = isLive && connection.Arq.SmoothedRtt > TimeSpan.Zero ? connection.Arq.SmoothedRtt : SmoothedRtt,
        FecNewestGroup = isLive ? Math.Max(FecNewestGroup, connection.Fec.NewestGroup) : FecNewestGroup,
    };
}
