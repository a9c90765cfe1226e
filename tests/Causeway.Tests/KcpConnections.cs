using Causeway.Kcp;

namespace Causeway.Tests;

/// <summary>What the KCP engine counts below a connection.</summary>
internal static class KcpConnections
{
    public static KcpStatistics Kcp(this ConnectionStatistics statistics) => (KcpStatistics)statistics.Transport;
}
