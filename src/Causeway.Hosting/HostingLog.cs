using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>The package's log lines, in the category <c>Causeway.Hosting</c>. Their ids and names stay as they are (docs/hosting.md).</summary>
internal static partial class HostingLog
{
    /// <summary>The category.</summary>
    public const string Category = "Causeway.Hosting";

    [LoggerMessage(1201, LogLevel.Information, "Listener {Name} is up on {Local}", EventName = "HostedListenerStarted")]
    public static partial void ListenerStarted(ILogger logger, string name, EndPoint local);

    [LoggerMessage(1202, LogLevel.Error, "Listener {Name} takes no more connections: {Reason}", EventName = "HostedListenerFailed")]
    public static partial void ListenerFailed(ILogger logger, string name, string reason);

    [LoggerMessage(1203, LogLevel.Information, "Listener {Name} stops; {Connections} connections have up to {Limit} to finish", EventName = "HostedListenerDraining")]
    public static partial void ListenerDraining(ILogger logger, string name, int connections, TimeSpan limit);

    [LoggerMessage(1204, LogLevel.Warning, "Listener {Name} cuts {Connections} connections off: they did not finish in time", EventName = "HostedListenerCut")]
    public static partial void ListenerCut(ILogger logger, string name, int connections);

    [LoggerMessage(1205, LogLevel.Error, "The handler of a connection of listener {Name} from {Remote} failed", EventName = "ConnectionHandlerFailed")]
    public static partial void ConnectionHandlerFailed(ILogger logger, Exception exception, string name, EndPoint remote);

    [LoggerMessage(1206, LogLevel.Error, "The handler of stream {Stream} of listener {Name} from {Remote} failed", EventName = "StreamHandlerFailed")]
    public static partial void StreamHandlerFailed(ILogger logger, Exception exception, string name, EndPoint remote, long stream);

    [LoggerMessage(1207, LogLevel.Debug, "A handler of listener {Name} ended because its peer {Remote} did: {Reason}", EventName = "HandlerEnded")]
    public static partial void HandlerEnded(ILogger logger, string name, EndPoint remote, string reason);

    [LoggerMessage(1211, LogLevel.Information, "Client {Name} is connected to {Remote}", EventName = "HostedClientConnected")]
    public static partial void ClientConnected(ILogger logger, string name, EndPoint remote);

    [LoggerMessage(1212, LogLevel.Warning, "Client {Name} is not connected, and tries again in {Wait}: {Reason}", EventName = "HostedClientWaiting")]
    public static partial void ClientWaiting(ILogger logger, string name, TimeSpan wait, string reason);
}
