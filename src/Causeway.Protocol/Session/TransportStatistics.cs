namespace Causeway.Protocol;

/// <summary>
/// Counters of a session's edges, which every engine has; an engine's own are in a class derived from this one. Written
/// by the session's driver only; others may read them at any time and see each value slightly late.
/// </summary>
public abstract class TransportStatistics
{
    private protected TransportStatistics()
    {
    }

    /// <summary>Bytes that the streams wrote into the session, with what tells the streams apart.</summary>
    public long BytesSent { get; internal set; }

    /// <summary>Bytes that the session delivered to its streams, with what tells the streams apart.</summary>
    public long BytesReceived { get; internal set; }

    /// <summary>Datagrams that passed packet protection.</summary>
    public long InPackets { get; internal set; }

    /// <summary>Their bytes, without what packet protection adds.</summary>
    public long InBytes { get; internal set; }

    /// <summary>Datagrams sent, parity included.</summary>
    public long OutPackets { get; internal set; }

    /// <summary>Their bytes, as UDP payload.</summary>
    public long OutBytes { get; internal set; }

    /// <summary>Goodbyes of the peer, repeated ones too.</summary>
    public long InGoodbyes { get; internal set; }

    /// <summary>The smoothed round-trip time of the path; zero before the first sample.</summary>
    public abstract TimeSpan SmoothedRtt { get; }

    /// <summary>Packets or segments that were sent again because they seemed lost.</summary>
    public abstract long Retransmissions { get; }

    /// <summary>Of those, the ones that had arrived all the same.</summary>
    public abstract long SpuriousRetransmissions { get; }

    /// <summary>Adds the engine's own counters to a sum over several sessions.</summary>
    /// <param name="sum">The sum so far, of the same engine; null to begin one.</param>
    /// <param name="isLive">Whether the session is open, so that its gauges count too.</param>
    public abstract TransportCounters AddTo(TransportCounters? sum, bool isLive);
}
