using Microsoft.Extensions.Logging;

namespace Causeway.Links;

internal static partial class UdpLinkLog
{
    [LoggerMessage(1, LogLevel.Warning, "UDP link {LocalEndPoint}: {Warning}", EventName = "UdpLinkWarning")]
    public static partial void Warning(ILogger logger, System.Net.EndPoint? localEndPoint, string warning);

    [LoggerMessage(2, LogLevel.Information, "UDP_SEGMENT was refused with error {Error}; it stays off from now on.",
        EventName = "SegmentationRefused")]
    public static partial void SegmentationRefused(ILogger logger, int error);
}
