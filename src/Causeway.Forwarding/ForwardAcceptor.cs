using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding;

/// <summary>Accepts connections while there are places and descriptors for them.</summary>
internal static class ForwardAcceptor
{
    /// <summary>Pending connections of a listening socket.</summary>
    public const int Backlog = 1024;

    /// <summary>Accepts until it is told to stop, or the listening socket is disposed.</summary>
    /// <param name="listener">The listening socket.</param>
    /// <param name="places">What limits the connections.</param>
    /// <param name="serve">
    /// Serves a connection and gives its place back. It begins on the thread that accepts: a hop to another thread would cost more.
    /// </param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Takes log lines.</param>
    /// <param name="stopping">Ends it.</param>
    public static async Task RunAsync(
        Socket listener,
        ForwardPlaces places,
        Func<Socket, ForwardTable.Forward, Task> serve,
        TimeProvider time,
        ILogger logger,
        CancellationToken stopping)
    {
        AcceptBackoff backoff = new(time);
        try
        {
            while (true)
            {
                if (places.Table.IsFull)
                {
                    places.LogFull();
                }

                ForwardTable.Forward forward = await places.Table.AddAsync(stopping).ConfigureAwait(false);
                try
                {
                    await places.WaitForDescriptorsAsync(stopping).ConfigureAwait(false);
                    Socket socket = await listener.AcceptAsync(stopping).ConfigureAwait(false);
                    backoff.Reset();

                    // It is served whatever its number; the next one may have to wait.
                    places.Pass(socket);
                    _ = serve(socket, forward);
                }
                catch (SocketException error) when (!stopping.IsCancellationRequested)
                {
                    forward.Dispose();
                    if (!places.IsOutOfDescriptors(error))
                    {
                        ForwardingLog.AcceptFailed(logger, error.Message);
                    }

                    await backoff.WaitAsync(stopping).ConfigureAwait(false);
                }
                catch
                {
                    forward.Dispose();
                    throw;
                }
            }
        }
        catch (Exception error) when (stopping.IsCancellationRequested
            && error is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Stopped.
        }
    }
}
