using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;

namespace Causeway.Kcp;

/// <summary>
/// Counters of a KCP session, layer by layer. They stay readable, at their last values, after the session has ended.
/// </summary>
public sealed class KcpStatistics : TransportStatistics
{
    private readonly KcpSession _session;

    internal KcpStatistics(KcpSession session) => _session = session;

    /// <summary>The number that the client chose for the conversation, and the server adopted (docs/wire/kcptun.md 5.12).</summary>
    public uint ConversationId => _session.ConversationId;

    /// <summary>Datagrams in which the reliable layer found an error.</summary>
    public long KcpInErrors { get; internal set; }

    /// <summary>Segments, retransmissions and round-trip time.</summary>
    public ArqStatistics Arq => _session.Arq.Statistics;

    /// <summary>
    /// Whether datagrams leave capable of congestion marks, and if not why; the marks themselves are in
    /// <see cref="ArqStatistics.CongestionMarks"/>.
    /// </summary>
    public EcnState Ecn => _session.Arq.EcnState;

    /// <summary>Shards received and rebuilt.</summary>
    public FecStatistics Fec => _session.Fec.Statistics;

    /// <inheritdoc/>
    public override TimeSpan SmoothedRtt => Arq.SmoothedRtt;

    /// <inheritdoc/>
    public override long Retransmissions => Arq.FastRetransmits + Arq.EarlyRetransmits + Arq.Timeouts;

    /// <inheritdoc/>
    public override long SpuriousRetransmissions => Arq.SpuriousRetransmits;

    /// <inheritdoc/>
    public override KcpCounters AddTo(TransportCounters? sum, bool isLive) =>
        (sum as KcpCounters ?? new KcpCounters()).Plus(this, isLive);

    // Differences of numbers that the session moves on meanwhile: never below 0 for whoever looks.

    /// <summary>Segments that were written and not sent yet; a gauge.</summary>
    public int SendQueueSegments => Math.Max(0, _session.Arq.SendQueueLength);

    /// <summary>Segments that were sent and not acknowledged yet; a gauge.</summary>
    public int UnacknowledgedSegments => Math.Max(0, _session.Arq.SendBufferLength);

    /// <summary>Segments that arrived in order and were not read yet; a gauge.</summary>
    public int ReceiveQueueSegments => Math.Max(0, _session.Arq.ReceiveQueueLength);
}
