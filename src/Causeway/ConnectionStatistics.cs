using Causeway.Protocol.Streams;

namespace Causeway;

/// <summary>
/// The live counters of a connection. They may be read at any time from any thread; each value may be slightly late. They
/// stay readable, at their last values, after the connection has ended.
/// </summary>
public sealed class ConnectionStatistics
{
    private readonly TransportSession _session;

    internal ConnectionStatistics(TransportSession session) => _session = session;

    /// <summary>
    /// Datagrams and bytes at the session's edges. It is the engine's own type, with the counters of its layers: a
    /// <c>KcpStatistics</c> with the kcptun profile.
    /// </summary>
    public TransportStatistics Transport => _session.Statistics;

    /// <summary>Streams, and what they carried.</summary>
    public StreamStatistics Streams => _session.Streams.Statistics;

    /// <summary>Streams that exist, also those of which only the last frame still has to be sent; a gauge.</summary>
    public int OpenStreams => _session.Streams.StreamCount;
}
