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

    [LoggerMessage(42, LogLevel.Information, "listening on {Bound} for {Peer}")]
    public static partial void Listening(ILogger logger, EndPoint bound, EndPoint peer);

    [LoggerMessage(43, LogLevel.Information, "listening no more on {Bound} for {Peer}")]
    public static partial void ListeningEnded(ILogger logger, EndPoint bound, EndPoint peer);

    [LoggerMessage(44, LogLevel.Information, "the server listens on {Bound} for {Target}")]
    public static partial void ServerListens(ILogger logger, EndPoint bound, string target);

    [LoggerMessage(45, LogLevel.Warning, "the server listens no more on {Bound}; asking it again")]
    public static partial void ServerListensNoMore(ILogger logger, EndPoint bound);

    [LoggerMessage(46, LogLevel.Warning, "{Flow} did not get through: {Problem}")]
    public static partial void FlowRefused(ILogger logger, string flow, string problem);

    [LoggerMessage(47, LogLevel.Warning, "{From} got nowhere by the proxy: {Problem}")]
    public static partial void ProxyRefused(ILogger logger, string from, string problem);
}
