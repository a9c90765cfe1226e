using System.Globalization;
using Causeway.Forwarding;
using Causeway.Forwarding.Tunnels;
using Causeway.PortForwarder.Output;
using Causeway.Quic;

namespace Causeway.PortForwarder.Forward;

/// <summary>Runs a forwarder until a signal comes; SIGUSR1 logs what it has done.</summary>
internal static class ForwardRun
{
    public static async Task UntilStoppedAsync(
        Func<ForwardingStatistics> statistics, Func<TunnelStatistics> tunnels, LineLog log, CancellationToken stop)
    {
        using StopSignals signals = new(() => log.Write($"{Describe(statistics())}, {Describe(tunnels())}"), log.IsFile ? log.Reopen : null, stop);
        await signals.Stopped.ConfigureAwait(false);
    }

    internal static string Describe(ForwardingStatistics statistics)
    {
        QuicCounters engine = statistics.Engine as QuicCounters ?? new QuicCounters();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"forwards {statistics.ForwardsOpen}, datagrams in {statistics.InPackets} out {statistics.OutPackets}, bytes in {statistics.InBytes} out {statistics.OutBytes}, packets lost {engine.PacketsLost}, round trip {statistics.SmoothedRtt.TotalMilliseconds:0.0} ms");
    }

    internal static string Describe(TunnelStatistics tunnels) => string.Create(
        CultureInfo.InvariantCulture,
        $"tunnels granted {tunnels.Granted} refused {tunnels.Refused}, UDP flows {tunnels.FlowsOpen} of {tunnels.FlowsOpened} refused {tunnels.FlowsRefused}, UDP payloads in {tunnels.DatagramsReceived} out {tunnels.DatagramsSent}, too long {tunnels.DatagramsTooLong}, incomplete {tunnels.DatagramsIncomplete}, dropped {tunnels.DatagramsDropped}, malformed {tunnels.DatagramsMalformed}");
}

/// <summary>Makes the first connection as quick as the others.</summary>
internal static class WarmUp
{
    public static async Task RunAsync(CommonForwardOptions options)
    {
        using CausewayKey key = CausewayKey.Create();
        QuicProfile profile = (options with { KeyLog = null }).NewProfile() with
        {
            ServerAuthentication = ServerAuthentication.WithKey(key).WithApplicationProtocols(TunnelProtocol.Name),
            ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint).WithApplicationProtocols(TunnelProtocol.Name),
        };
        await ForwardWarmUp.RunAsync(profile, tunnels: true).ConfigureAwait(false);
    }
}
