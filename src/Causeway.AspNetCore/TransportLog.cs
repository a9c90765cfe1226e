using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway.AspNetCore;

/// <summary>The log lines of this package, category "Causeway.AspNetCore". Ids are never used again for something else.</summary>
internal static partial class TransportLog
{
    public const string Category = "Causeway.AspNetCore";

    [LoggerMessage(2001, LogLevel.Debug, "Connection id \"{ConnectionId}\" accepted from {Remote}", EventName = "ConnectionAccepted")]
    public static partial void ConnectionAccepted(ILogger logger, string connectionId, EndPoint? remote);

    [LoggerMessage(2002, LogLevel.Debug, "Connection id \"{ConnectionId}\" ended by the peer or the network: {Reason}", EventName = "ConnectionEnded")]
    public static partial void ConnectionEnded(ILogger logger, string connectionId, string reason);

    [LoggerMessage(2003, LogLevel.Debug, "Connection id \"{ConnectionId}\" closed by the application with error code {ErrorCode}: {Reason}", EventName = "ConnectionAbort")]
    public static partial void ConnectionAbort(ILogger logger, string connectionId, long errorCode, string reason);

    [LoggerMessage(2004, LogLevel.Debug, "Stream id \"{ConnectionId}\" given up by the peer with error code {ErrorCode}: {Reason}", EventName = "StreamAborted")]
    public static partial void StreamAborted(ILogger logger, string connectionId, long errorCode, string reason);

    [LoggerMessage(2005, LogLevel.Debug, "Stream id \"{ConnectionId}\" given up by the application with error code {ErrorCode}: {Reason}", EventName = "StreamAbort")]
    public static partial void StreamAbort(ILogger logger, string connectionId, long errorCode, string reason);

    [LoggerMessage(2006, LogLevel.Error, "Connection id \"{ConnectionId}\": a callback for its end threw", EventName = "CallbackFailed")]
    public static partial void CallbackFailed(ILogger logger, string connectionId, Exception error);

    [LoggerMessage(2007, LogLevel.Warning, "A client at {Remote} that asked for \"{ServerName}\" was refused: no TLS options for it", EventName = "NoTlsOptions")]
    public static partial void NoTlsOptions(ILogger logger, EndPoint remote, string? serverName, Exception error);
}
