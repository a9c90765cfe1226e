using System.Net;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>
/// Log lines in the words of the reference, which people grep for (docs/wire/kcptun.md 10.8). Event ids are never
/// reused.
/// </summary>
internal static partial class ForwardingLog
{
    [LoggerMessage(1, LogLevel.Information, "{Protocol} on connection: {Local} -> {Remote}")]
    public static partial void ConnectionOpened(ILogger logger, string protocol, EndPoint local, EndPoint remote);

    [LoggerMessage(2, LogLevel.Information, "remote address: {Remote}")]
    public static partial void ConnectionAccepted(ILogger logger, EndPoint remote);

    [LoggerMessage(3, LogLevel.Information, "stream opened in: {In} out: {Out}")]
    public static partial void StreamOpened(ILogger logger, string @in, string @out);

    [LoggerMessage(4, LogLevel.Information, "stream closed in: {In} out: {Out}")]
    public static partial void StreamClosed(ILogger logger, string @in, string @out);

    [LoggerMessage(5, LogLevel.Information, "pipe: {Error} in: {In} out: {Out}")]
    public static partial void PipeFailed(ILogger logger, string error, string @in, string @out);

    [LoggerMessage(6, LogLevel.Warning, "re-connecting: {Error}")]
    public static partial void Reconnecting(ILogger logger, string error);

    [LoggerMessage(7, LogLevel.Information, "scavenger: session normally closed: {Local}")]
    public static partial void ScavengedClosed(ILogger logger, EndPoint local);

    [LoggerMessage(8, LogLevel.Information, "scavenger: session closed due to ttl: {Local}")]
    public static partial void ScavengedExpired(ILogger logger, EndPoint local);

    [LoggerMessage(10, LogLevel.Warning, "session ended: {Connection}: {Reason}")]
    public static partial void ConnectionEnded(ILogger logger, CausewayConnection connection, string reason);

    [LoggerMessage(11, LogLevel.Warning, "cannot accept for now: {Error}")]
    public static partial void AcceptFailed(ILogger logger, string error);

    [LoggerMessage(12, LogLevel.Warning, "cannot reach target {Target}: {Error}")]
    public static partial void TargetUnreachable(ILogger logger, string target, string error);

    [LoggerMessage(13, LogLevel.Warning, "{Count} connections are being forwarded, which is the limit; more must wait")]
    public static partial void ForwardLimitReached(ILogger logger, int count);

    [LoggerMessage(14, LogLevel.Error, "unexpected: {Error}")]
    public static partial void Unexpected(ILogger logger, string error, Exception exception);

    [LoggerMessage(15, LogLevel.Warning, "{Count} connections are being forwarded, which is the limit; more are refused")]
    public static partial void ForwardLimitRefused(ILogger logger, int count);

    [LoggerMessage(17, LogLevel.Warning, "the path swallows datagrams of up to {Long} bytes; the next sessions send {Short} at most")]
    public static partial void ShorterDatagrams(ILogger logger, int @long, int @short);

    [LoggerMessage(16, LogLevel.Error, "no more sessions on {Local}: {Reason}")]
    public static partial void ListenerEnded(ILogger logger, EndPoint local, string reason);

    [LoggerMessage(20, LogLevel.Warning,
        "{Count} connections are being forwarded, as many as the process's limit of {Limit} open files (ulimit -n) has room for; more must wait")]
    public static partial void OpenFileLimitReached(ILogger logger, int count, int limit);

    [LoggerMessage(21, LogLevel.Warning,
        "the process has nearly as many files open as its limit of {Limit} (ulimit -n) lets it; no connection is taken until some are closed")]
    public static partial void OpenFilesUsedUp(ILogger logger, int limit);

    [LoggerMessage(22, LogLevel.Error, "cannot connect, and trying again would not help: {Error}")]
    public static partial void GaveUp(ILogger logger, string error);
}
