using Microsoft.Extensions.Logging;

namespace Causeway.Links;

internal static partial class UdpLinkLog
{
    [LoggerMessage(1, LogLevel.Warning, "UDP link {LocalEndPoint}: {Warning}", EventName = "UdpLinkWarning")]
    public static partial void Warning(ILogger logger, System.Net.EndPoint? localEndPoint, string warning);

    [LoggerMessage(2, LogLevel.Information, "UDP_SEGMENT was refused with error {Error}; it stays off from now on.",
        EventName = "SegmentationRefused")]
    public static partial void SegmentationRefused(ILogger logger, int error);

    [LoggerMessage(3, LogLevel.Information, "Congestion bits (ECN) were refused with error {Error}; they stay off from now on.",
        EventName = "EcnRefused")]
    public static partial void EcnRefused(ILogger logger, int error);

    [LoggerMessage(4, LogLevel.Information,
        "UDP link {LocalEndPoint}: no answer of {Remote} came; those of any address are looked at from now on (same port: {IsPortKept}).",
        EventName = "AnySource")]
    public static partial void Disconnected(ILogger logger, System.Net.EndPoint? localEndPoint, Causeway.Protocol.PeerAddress remote, bool isPortKept);
}
