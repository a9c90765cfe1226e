using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway.Telemetry;

/// <summary>The library's log lines. Their ids and names stay as they are (docs/telemetry.md).</summary>
internal static partial class CausewayLog
{
    /// <summary>The category of what happens to connections.</summary>
    public const string ConnectionCategory = "Causeway.Connection";

    /// <summary>The category of what happens to listeners.</summary>
    public const string ListenerCategory = "Causeway.Listener";

    /// <summary>The category of what sockets report.</summary>
    public const string LinkCategory = "Causeway.Link";

    [LoggerMessage(1001, LogLevel.Information, "Connection {Id:x8} to {Remote} was opened", EventName = "ConnectionOpened")]
    public static partial void ConnectionOpened(ILogger logger, uint id, EndPoint remote);

    [LoggerMessage(1002, LogLevel.Information, "Connection {Id:x8} from {Remote} was accepted", EventName = "ConnectionAccepted")]
    public static partial void ConnectionAccepted(ILogger logger, uint id, EndPoint remote);

    [LoggerMessage(1003, LogLevel.Information, "Connection {Id:x8} with {Remote} was closed ({Error}): {Reason}", EventName = "ConnectionClosed")]
    public static partial void ConnectionClosed(ILogger logger, uint id, EndPoint remote, TransportError error, string reason);

    [LoggerMessage(1004, LogLevel.Warning, "Connection {Id:x8} with {Remote} failed ({Error}): {Reason}", EventName = "ConnectionFailed")]
    public static partial void ConnectionFailed(ILogger logger, uint id, EndPoint remote, TransportError error, string reason);

    [LoggerMessage(1005, LogLevel.Error, "Connection {Id:x8} with {Remote} was ended by a fault: {Reason}", EventName = "ConnectionFault")]
    public static partial void ConnectionFault(ILogger logger, Exception? exception, uint id, EndPoint remote, string reason);

    [LoggerMessage(1006, LogLevel.Warning, "Nobody listens at {Remote}; connection {Id:x8} asks again", EventName = "PeerUnreachable")]
    public static partial void PeerUnreachable(ILogger logger, uint id, EndPoint remote);

    [LoggerMessage(1007, LogLevel.Warning, "No connection to {Remote}: {Reason}", EventName = "ConnectFailed")]
    public static partial void ConnectFailed(ILogger logger, EndPoint remote, string reason);

    [LoggerMessage(1008, LogLevel.Information, "Connection {Id:x8} with {Remote} goes by {Local} in place of {Former}", EventName = "PathChanged")]
    public static partial void PathChanged(ILogger logger, uint id, EndPoint remote, EndPoint former, EndPoint local);

    [LoggerMessage(1009, LogLevel.Warning, "Nothing comes back to {Local} from {Remote}; connection {Id:x8} does not go that way", EventName = "PathRefused")]
    public static partial void PathRefused(ILogger logger, uint id, EndPoint remote, EndPoint local);

    [LoggerMessage(1010, LogLevel.Information, "Connection {Id:x8} with {Remote} has moved to {Moved}", EventName = "PeerMoved")]
    public static partial void PeerMoved(ILogger logger, uint id, EndPoint remote, EndPoint moved);

    [LoggerMessage(1101, LogLevel.Information, "Listening on {Local}", EventName = "ListenerStarted")]
    public static partial void ListenerStarted(ILogger logger, EndPoint local);

    [LoggerMessage(1102, LogLevel.Information, "Stopped listening on {Local}", EventName = "ListenerStopped")]
    public static partial void ListenerStopped(ILogger logger, EndPoint local);

    [LoggerMessage(1103, LogLevel.Error, "The listener on {Local} failed: {Reason}", EventName = "ListenerFailed")]
    public static partial void ListenerFailed(ILogger logger, EndPoint local, string reason);

    [LoggerMessage(1104, LogLevel.Warning, "{Refused} connections were refused ({Reason}), the last of them from {Remote}", EventName = "ConnectionRefused")]
    public static partial void ConnectionRefused(ILogger logger, long refused, GoodbyeReason reason, EndPoint remote);

}
