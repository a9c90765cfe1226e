using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tunnels;

/// <summary>Log lines about tunnels. Event ids are never reused, and are none of <see cref="ForwardingLog"/>'s.</summary>
internal static partial class TunnelLog
{
    [LoggerMessage(40, LogLevel.Warning, "{Peer} asked for {What} and was refused: {Reason}: {Problem}")]
    public static partial void Refused(ILogger logger, EndPoint peer, string what, TunnelRefusal reason, string problem);

    [LoggerMessage(41, LogLevel.Warning, "{From} did not get to {Target}: {Problem}")]
    public static partial void RefusedByPeer(ILogger logger, string from, string target, string problem);
}
