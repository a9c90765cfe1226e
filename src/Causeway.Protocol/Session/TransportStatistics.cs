namespace Causeway.Protocol;

/// <summary>
/// Counters of a session's edges; the layers have their own. Written by the session's driver only; others may read them
/// at any time and see each value slightly late. The meanings are kcptun's (spec 11).
/// </summary>
public sealed class TransportStatistics
{
    internal TransportStatistics()
    {
    }

    /// <summary>Bytes that the mux wrote into the reliable pipe.</summary>
    public long BytesSent { get; internal set; }

    /// <summary>Bytes that the mux read from the reliable pipe.</summary>
    public long BytesReceived { get; internal set; }

    /// <summary>Datagrams that passed packet protection.</summary>
    public long InPackets { get; internal set; }

    /// <summary>Their bytes, without what packet protection adds.</summary>
    public long InBytes { get; internal set; }

    /// <summary>Datagrams sent, parity included.</summary>
    public long OutPackets { get; internal set; }

    /// <summary>Their bytes, as UDP payload.</summary>
    public long OutBytes { get; internal set; }

    /// <summary>Datagrams in which the reliable layer found an error.</summary>
    public long KcpInErrors { get; internal set; }

    /// <summary>Goodbyes of the peer, repeated ones too.</summary>
    public long InGoodbyes { get; internal set; }
}
