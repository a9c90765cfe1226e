using Causeway.Forwarding;
using Causeway.Kcp;
using Causeway.Kcptun;
using Causeway.Kcptun.Telemetry;

namespace Causeway.PortForwarder;

/// <summary>Causeway's counters under kcptun's names (docs/wire/kcptun.md 11).</summary>
internal static class CounterMap
{
    /// <summary>The counters of a forwarder.</summary>
    /// <param name="sum">The sums over its connections.</param>
    /// <param name="profile">The profile of the connections, which counts what its crypt refuses.</param>
    /// <param name="isClient">Whether the connections were opened from this side.</param>
    public static KcptunCounters ToKcptun(ForwardingStatistics sum, KcptunProfile profile, bool isClient)
    {
        KcpCounters kcp = sum.Engine as KcpCounters ?? new KcpCounters();
        return new KcptunCounters
        {
            BytesSent = (ulong)sum.BytesSent,
            BytesReceived = (ulong)sum.BytesReceived,
            MaxConn = (ulong)sum.MaxConnectionsOpen,
            ActiveOpens = isClient ? (ulong)sum.ConnectionsOpened : 0,
            PassiveOpens = isClient ? 0 : (ulong)sum.ConnectionsOpened,
            CurrEstab = (ulong)sum.ConnectionsOpen,
            InErrs = (ulong)(kcp.InErrors + sum.Replayed + profile.Reflected),
            InCsumErrors = (ulong)profile.ChecksumErrors,
            KcpInErrors = (ulong)(kcp.KcpInErrors + profile.TooShort),
            InPkts = (ulong)sum.InPackets,
            OutPkts = (ulong)sum.OutPackets,
            InSegs = (ulong)kcp.InSegments,
            OutSegs = (ulong)kcp.OutSegments,
            InBytes = (ulong)sum.InBytes,
            OutBytes = (ulong)sum.OutBytes,
            FastRetransSegs = (ulong)kcp.FastRetransmits,
            EarlyRetransSegs = (ulong)kcp.EarlyRetransmits,
            LostSegs = (ulong)kcp.Timeouts,
            RepeatSegs = (ulong)kcp.Repeated,
            FecFullShardSet = (ulong)kcp.FecFullShardSets,
            FecRecovered = (ulong)kcp.FecRecovered,
            FecErrs = (ulong)kcp.FecErrors,
            FecParityShards = (ulong)kcp.FecParityShards,
            FecShardSet = (ulong)kcp.FecShardSets,
            FecShardMin = (ulong)kcp.FecNewestGroup,
            RingBufferSndQueue = (ulong)kcp.SendQueueSegments,
            RingBufferRcvQueue = (ulong)kcp.ReceiveQueueSegments,
            RingBufferSndBuffer = (ulong)kcp.UnacknowledgedSegments,
            OobPackets = (ulong)kcp.OutOfBand,
        };
    }
}
