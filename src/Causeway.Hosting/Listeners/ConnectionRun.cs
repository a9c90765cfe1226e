using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>One connection of a listener, from its acceptance to its close.</summary>
internal sealed class ConnectionRun(CausewayConnection connection, HostedListener listener, IServiceScopeFactory scopes)
{
    /// <summary>Serves the connection and closes it. Never fails.</summary>
    /// <param name="stopping">The host begins to stop.</param>
    /// <param name="aborted">The time to finish is over: handlers are to end.</param>
    /// <param name="cut">No time is left for a close in order.</param>
    public async Task RunAsync(CancellationToken stopping, CancellationToken aborted, CancellationToken cut)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        Task watching = CancelWhenClosedAsync(ended);
        (long Code, string Reason) close = (0, "");
        try
        {
            await (listener.HandlesStreams
                ? new StreamRuns(connection, listener, scopes, stopping, ended.Token).RunAsync()
                : HandleAsync(stopping, ended.Token)).ConfigureAwait(false);
            if (stopping.IsCancellationRequested)
            {
                close = Stopped;
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            close = Stopped;
        }
        catch (TransportException error) when (connection.Closed.IsCompleted)
        {
            HostingLog.HandlerEnded(listener.Log, listener.Name, connection.RemoteEndPoint, error.Message);
        }
        catch (Exception error)
        {
            HostingLog.ConnectionHandlerFailed(listener.Log, error, listener.Name, connection.RemoteEndPoint);
            close = (listener.Settings.HandlerErrorCode, "The application failed.");
        }

        await CloseAsync(close.Code, close.Reason, cut).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    private (long Code, string Reason) Stopped => (listener.Settings.StopErrorCode, "The server stops.");

    private async Task HandleAsync(CancellationToken stopping, CancellationToken ended)
    {
        AsyncServiceScope scope = scopes.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            CausewayHandlerContext context = new(listener.Name, connection, scope.ServiceProvider, stopping);
            CausewayConnectionHandler handler = (CausewayConnectionHandler)listener.NewHandler(scope.ServiceProvider);
            await handler.OnConnectedAsync(connection, context, ended).ConfigureAwait(false);
        }
    }

    private async Task CloseAsync(long code, string reason, CancellationToken cut)
    {
        try
        {
            await connection.CloseAsync(code, reason, cut).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Cut off; the listener's end takes the rest with it.
        }
    }

    private async Task CancelWhenClosedAsync(CancellationTokenSource ended)
    {
        await connection.Closed.ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
    }
}
