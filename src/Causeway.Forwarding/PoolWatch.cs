using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>Logs what happens to a forwarder's pool of connections in the words of the reference (docs/wire/kcptun.md 10.8).</summary>
internal sealed class PoolWatch(ILogger logger)
{
    /// <summary>Whether connections expire, so that the reference would log the end of each (its scavenger).</summary>
    public bool LogsEnds { get; init; }

    /// <summary>
    /// Called before a connection is closed whose time is up, so that streams which are still open can be aborted: an orderly
    /// close would pass them off as complete.
    /// </summary>
    public Action<CausewayConnection>? Expiring { get; init; }

    public void OnEvent(ConnectionPoolEvent what)
    {
        switch (what)
        {
            case { Kind: ConnectionPoolEventKind.ConnectFailed, Error: { } error }:
                ForwardingLog.Reconnecting(logger, error.Message);
                break;
            case { Kind: ConnectionPoolEventKind.GaveUp, Error: TransportException error }:
                ForwardingLog.GaveUp(logger, error.Message);
                break;
            case { Kind: ConnectionPoolEventKind.Ended, Connection: { } connection }:
                // Another connection serves already where one was replaced: nobody needs to know how it ends.
                if (what is { Error: { } reason, IsReplaced: false })
                {
                    ForwardingLog.ConnectionEnded(logger, connection, reason.Message);
                }

                if (LogsEnds)
                {
                    ForwardingLog.ScavengedClosed(logger, what.LocalEndPoint!);
                }

                break;
            case { Kind: ConnectionPoolEventKind.Expired, Connection: { } connection }:
                ForwardingLog.ScavengedExpired(logger, what.LocalEndPoint!);
                Expiring?.Invoke(connection);
                break;
        }
    }
}
