using Causeway.Protocol.Arq;
using Causeway.Protocol.Fec;
using Causeway.Protocol.Mux;

namespace Causeway;

/// <summary>
/// The live counters of a connection, layer by layer. They may be read at any time from any thread; each value may be
/// slightly late. They stay readable, at their last values, after the connection has ended.
/// </summary>
public sealed class ConnectionStatistics
{
    private readonly TransportSession _session;

    internal ConnectionStatistics(TransportSession session) => _session = session;

    /// <summary>Datagrams and bytes at the session's edges.</summary>
    public TransportStatistics Transport => _session.Statistics;

    /// <summary>Segments, retransmissions and round-trip time.</summary>
    public ArqStatistics Arq => _session.Arq.Statistics;

    /// <summary>
    /// Whether datagrams leave capable of congestion marks, and if not why; the marks themselves are in
    /// <see cref="ArqStatistics.CongestionMarks"/>.
    /// </summary>
    public EcnState Ecn => _session.Arq.EcnState;

    /// <summary>Shards received and rebuilt.</summary>
    public FecStatistics Fec => _session.Fec.Statistics;

    /// <summary>Frames and streams.</summary>
    public MuxStatistics Mux => _session.Mux.Statistics;

    // Differences of numbers that the connection moves on meanwhile: never below 0 for whoever looks.

    /// <summary>Segments that were written and not sent yet; a gauge.</summary>
    public int SendQueueSegments => Math.Max(0, _session.Arq.SendQueueLength);

    /// <summary>Segments that were sent and not acknowledged yet; a gauge.</summary>
    public int UnacknowledgedSegments => Math.Max(0, _session.Arq.SendBufferLength);

    /// <summary>Streams that exist, also those of which only the last frame still has to be sent; a gauge.</summary>
    public int OpenStreams => _session.Mux.StreamCount;

    /// <summary>Segments that arrived in order and were not read yet; a gauge.</summary>
    public int ReceiveQueueSegments => Math.Max(0, _session.Arq.ReceiveQueueLength);
}
