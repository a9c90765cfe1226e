using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tunnels;

/// <summary>A TCP port or Unix socket whose connections go through a tunnel, at whichever end. Thread-safe.</summary>
internal sealed class TunnelPort : IAsyncDisposable
{
    private readonly ForwardEndPoint _listen;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping;
    private readonly Task _accepting;
    private int _isDisposed;

    /// <summary>Begins to listen.</summary>
    /// <param name="listen">Where.</param>
    /// <param name="places">What limits the connections.</param>
    /// <param name="serve">Serves a connection and gives its place back.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Takes log lines.</param>
    /// <param name="stopping">Ends it, before it is disposed.</param>
    /// <exception cref="TransportException">The address is in use or not available.</exception>
    public TunnelPort(
        ForwardEndPoint listen,
        ForwardPlaces places,
        Func<Socket, ForwardTable.Forward, Task> serve,
        TimeProvider time,
        ILogger logger,
        CancellationToken stopping)
    {
        _listen = listen;
        try
        {
            _listener = listen.Listen(ForwardAcceptor.Backlog);
        }
        catch (SocketException error)
        {
            throw new TransportException(TransportError.AddressUnavailable, $"Cannot listen on {listen}: {error.Message}", error);
        }

        LocalEndPoint = _listener.LocalEndPoint ?? listen.EndPoint;
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        CancellationToken token = _stopping.Token;
        _accepting = Task.Run(() => ForwardAcceptor.RunAsync(_listener, places, serve, time, logger, token), CancellationToken.None);
    }

    /// <summary>Where it listens, with the port that the system chose if it was 0.</summary>
    public EndPoint LocalEndPoint { get; }

    /// <summary>Who connected; null for a Unix socket.</summary>
    public static IPEndPoint? OriginOf(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint as IPEndPoint;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Has a socket end with a reset, if it is of a kind that can.</summary>
    public static void ResetOnClose(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is closed already, or a Unix socket.
        }
    }

    /// <summary>Accepts no more; what was accepted goes on.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        _listen.Unlink();
        await _accepting.ConfigureAwait(false);
        _stopping.Dispose();
    }
}
