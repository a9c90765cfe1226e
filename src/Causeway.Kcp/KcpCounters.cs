namespace Causeway.Kcp;

/// <summary>The counters of several KCP sessions, live and past; the gauges are sums over the live ones.</summary>
public sealed record KcpCounters : TransportCounters
{
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

    /// <summary>Adds the counters of a session; its gauges too if it is live.</summary>
    internal KcpCounters Plus(KcpStatistics session, bool isLive) => this with
    {
        InErrors = InErrors + session.Fec.MalformedTooShort,
        KcpInErrors = KcpInErrors + session.KcpInErrors,
        InSegments = InSegments + session.Arq.InSegments,
        OutSegments = OutSegments + session.Arq.OutSegments,
        FastRetransmits = FastRetransmits + session.Arq.FastRetransmits,
        EarlyRetransmits = EarlyRetransmits + session.Arq.EarlyRetransmits,
        Timeouts = Timeouts + session.Arq.Timeouts,
        Repeated = Repeated + session.Arq.Repeated,
        FecFullShardSets = FecFullShardSets + session.Fec.FullShardSets,
        FecRecovered = FecRecovered + session.Fec.Recovered,
        FecErrors = FecErrors + session.Fec.Errors,
        FecParityShards = FecParityShards + session.Fec.ParityShards,
        OutOfBand = OutOfBand + session.Fec.OutOfBand,
        FecShardSets = FecShardSets + (isLive ? session.Fec.ShardSets : 0),
        FecNewestGroup = isLive ? Math.Max(FecNewestGroup, session.Fec.NewestGroup) : FecNewestGroup,
        SendQueueSegments = SendQueueSegments + (isLive ? session.SendQueueSegments : 0),
        UnacknowledgedSegments = UnacknowledgedSegments + (isLive ? session.UnacknowledgedSegments : 0),
        ReceiveQueueSegments = ReceiveQueueSegments + (isLive ? session.ReceiveQueueSegments : 0),
    };
}
