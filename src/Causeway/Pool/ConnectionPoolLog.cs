using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>The pool's log lines.</summary>
internal static partial class ConnectionPoolLog
{
    [LoggerMessage(6, LogLevel.Warning, "re-connecting: {Error}")]
    public static partial void Reconnecting(ILogger logger, string error);

    [LoggerMessage(7, LogLevel.Information, "scavenger: session normally closed: {Local}")]
    public static partial void ScavengedClosed(ILogger logger, EndPoint local);

    [LoggerMessage(8, LogLevel.Information, "scavenger: session closed due to ttl: {Local}")]
    public static partial void ScavengedExpired(ILogger logger, EndPoint local);

    [LoggerMessage(10, LogLevel.Warning, "session ended: {Connection}: {Reason}")]
    public static partial void ConnectionEnded(ILogger logger, CausewayConnection connection, string reason);

    [LoggerMessage(22, LogLevel.Error, "cannot connect, and trying again would not help: {Error}")]
    public static partial void GaveUp(ILogger logger, string error);
}
