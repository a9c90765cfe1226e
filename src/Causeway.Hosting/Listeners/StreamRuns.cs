using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Causeway.Hosting;

/// <summary>The streams that the peer of one connection opens, each with its handler.</summary>
internal sealed class StreamRuns(
    CausewayConnection connection, HostedListener listener, IServiceScopeFactory scopes, CancellationToken stopping, CancellationToken aborted)
{
    private readonly DrainGate _gate = new();

    /// <summary>Serves streams until the connection ends, or, after the stop has begun, until the last one has ended.</summary>
    public async Task RunAsync()
    {
        using CancellationTokenSource accepting = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        using CancellationTokenRegistration stop = stopping.UnsafeRegister(static gate => ((DrainGate)gate!).Close(), _gate);
        Task accept = AcceptAsync(accepting.Token);

        // Peers may open streams while others finish: they are refused at once, in place of waiting in a backlog.
        await Task.WhenAny(_gate.Drained, accept).ConfigureAwait(false);
        await accepting.CancelAsync().ConfigureAwait(false);
        await accept.ConfigureAwait(false);
        _gate.Close();
        await _gate.Drained.ConfigureAwait(false);
    }

    private async Task AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                CausewayStream stream = await connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false);
                if (_gate.TryEnter())
                {
                    _ = Task.Run(() => ServeAsync(stream), CancellationToken.None);
                }
                else
                {
                    GiveUp(stream, listener.Settings.StopErrorCode);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Drained, or cut off.
        }
        catch (TransportException)
        {
            // The connection has ended; the library logged why.
        }
    }

    private async Task ServeAsync(CausewayStream stream)
    {
        try
        {
            AsyncServiceScope scope = scopes.CreateAsyncScope();
            await using (scope.ConfigureAwait(false))
            {
                CausewayHandlerContext context = new(listener.Name, connection, scope.ServiceProvider, stopping);
                CausewayStreamHandler handler = (CausewayStreamHandler)listener.NewHandler(scope.ServiceProvider);
                await handler.OnStreamAsync(stream, context, aborted).ConfigureAwait(false);
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            GiveUp(stream, listener.Settings.StopErrorCode);
        }
        catch (TransportException error) when (connection.Closed.IsCompleted || stream.ReadsClosed.IsFaulted || stream.WritesClosed.IsFaulted)
        {
            HostingLog.HandlerEnded(listener.Log, listener.Name, connection.RemoteEndPoint, error.Message);
            GiveUp(stream, listener.Settings.HandlerErrorCode);
        }
        catch (Exception error)
        {
            HostingLog.StreamHandlerFailed(listener.Log, error, listener.Name, connection.RemoteEndPoint, stream.Id);
            GiveUp(stream, listener.Settings.HandlerErrorCode);
        }
        finally
        {
            _gate.Leave();
        }
    }

    private static void GiveUp(CausewayStream stream, long code)
    {
        stream.Abort(StreamAbortDirections.Both, code);
        stream.Dispose();
    }
}
