using System.Net;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tunnels;

/// <summary>Opens a client's streams to its server, and says what each is for. Thread-safe.</summary>
internal sealed class TunnelOpener(ConnectionPool pool)
{
    /// <summary>Opens a stream, without waiting for the answer.</summary>
    /// <param name="request">What it is for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="opened">Told of the stream before the server is.</param>
    /// <returns>The stream, and whether an answer will come: none does from a server that only knows bare streams.</returns>
    /// <exception cref="TunnelRefusedException">The server does not know the tunnel protocol, and more than its own target is asked for.</exception>
    /// <exception cref="TransportException">No stream can be opened.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<(CausewayStream Stream, bool IsAnswered)> OpenAsync(
        TunnelFrame request, CancellationToken cancellationToken, Action<CausewayStream>? opened = null)
    {
        CausewayStream stream = await pool.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        if (!TunnelProtocol.IsSpoken(stream.Connection))
        {
            if (request is { Code: (byte)TunnelKind.Connect, Address: null })
            {
                return (stream, false);
            }

            stream.Abort();
            throw new TunnelRefusedException(
                TunnelRefusal.Unsupported, "the server knows no tunnels, only its own target: it is older, or was told not to offer them");
        }

        try
        {
            opened?.Invoke(stream);
            await TunnelStream.RequestAsync(stream, request, cancellationToken).ConfigureAwait(false);
            return (stream, true);
        }
        catch
        {
            stream.Abort();
            throw;
        }
    }

    /// <summary>Opens a stream to a target of the server's, and waits until it is connected.</summary>
    /// <exception cref="TunnelRefusedException">The server refuses.</exception>
    /// <exception cref="TransportException">No stream can be opened, or it failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async ValueTask<CausewayStream> ConnectAsync(EndPoint? target, IPEndPoint? origin, CancellationToken cancellationToken)
    {
        (CausewayStream stream, bool isAnswered) = await OpenAsync(
            TunnelFrame.Request(TunnelKind.Connect, target) with { Origin = origin }, cancellationToken).ConfigureAwait(false);
        try
        {
            if (isAnswered)
            {
                await TunnelStream.ReadAnswerAsync(stream, cancellationToken).ConfigureAwait(false);
            }

            return stream;
        }
        catch
        {
            stream.Abort();
            throw;
        }
    }
}
