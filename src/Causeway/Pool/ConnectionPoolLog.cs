using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway;

/// <summary>The pool's log lines. Their ids and names stay as they are (docs/telemetry.md).</summary>
internal static partial class ConnectionPoolLog
{
    public const string Category = "Causeway.ConnectionPool";

    [LoggerMessage(1301, LogLevel.Warning, "No connection, trying again in {Delay}: {Error}", EventName = "PoolConnectFailed")]
    public static partial void ConnectFailed(ILogger logger, string error, TimeSpan delay);

    [LoggerMessage(1302, LogLevel.Error, "No connection, and not trying again: {Error}", EventName = "PoolGaveUp")]
    public static partial void GaveUp(ILogger logger, string error);

    [LoggerMessage(1303, LogLevel.Information, "The time of the connection from {Local} is up; it is closed", EventName = "PoolConnectionExpired")]
    public static partial void Expired(ILogger logger, EndPoint local);

    [LoggerMessage(1304, LogLevel.Error, "ConnectionPoolOptions.OnEvent threw: {Error}", EventName = "PoolCallbackFailed")]
    public static partial void CallbackFailed(ILogger logger, string error, Exception exception);
}
