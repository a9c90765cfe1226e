using Causeway.Forwarding;
using Causeway.Kcptun;
using Causeway.Kcptun.Telemetry;

namespace Causeway.PortForwarder;

/// <summary>Causeway's counters under kcptun's names (docs/wire/kcptun.md 11).</summary>
internal static class CounterMap
{
    /// <summary>The counters of a forwarder.</summary>
    /// <param name="sum">The sums over its connections.</param>
    /// <param name="profile">What the connections were made from; it counts what its crypt refuses.</param>
    /// <param name="isClient">Whether the connections were opened from this side.</param>
    public static KcptunCounters ToKcptun(ForwardingStatistics sum, KcptunProfile profile, bool isClient) => new()
    {
        BytesSent = (ulong)sum.BytesSent,
        BytesReceived = (ulong)sum.BytesReceived,
        MaxConn = (ulong)sum.MaxConnectionsOpen,
        ActiveOpens = isClient ? (ulong)sum.ConnectionsOpened : 0,
        PassiveOpens = isClient ? 0 : (ulong)sum.ConnectionsOpened,
        CurrEstab = (ulong)sum.ConnectionsOpen,
        InErrs = (ulong)sum.InErrors,
        InCsumErrors = (ulong)profile.ChecksumErrors,
        KcpInErrors = (ulong)(sum.KcpInErrors + profile.TooShort),
        InPkts = (ulong)sum.InPackets,
        OutPkts = (ulong)sum.OutPackets,
        InSegs = (ulong)sum.InSegments,
        OutSegs = (ulong)sum.OutSegments,
        InBytes = (ulong)sum.InBytes,
        OutBytes = (ulong)sum.OutBytes,
        FastRetransSegs = (ulong)sum.FastRetransmits,
        EarlyRetransSegs = (ulong)sum.EarlyRetransmits,
        LostSegs = (ulong)sum.Timeouts,
        RepeatSegs = (ulong)sum.Repeated,
        FecFullShardSet = (ulong)sum.FecFullShardSets,
        FecRecovered = (ulong)sum.FecRecovered,
        FecErrs = (ulong)sum.FecErrors,
        FecParityShards = (ulong)sum.FecParityShards,
        FecShardSet = (ulong)sum.FecShardSets,
        FecShardMin = (ulong)sum.FecNewestGroup,
        RingBufferSndQueue = (ulong)sum.SendQueueSegments,
        RingBufferRcvQueue = (ulong)sum.ReceiveQueueSegments,
        RingBufferSndBuffer = (ulong)sum.UnacknowledgedSegments,
        OobPackets = (ulong)sum.OutOfBand,
    };
}
