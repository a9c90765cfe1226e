using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels;

/// <summary>Leads a connection that came in at a <see cref="TunnelPort"/> to the other end, whichever this one is.</summary>
internal static class TunnelRelay
{
    /// <summary>Opens a stream for a connection, without waiting for the answer; says whether one will come.</summary>
    internal delegate ValueTask<(CausewayStream Stream, bool IsAnswered)> StreamOpener(CancellationToken cancellationToken);

    /// <summary>Relays a connection to the end, and gives its place back.</summary>
    /// <param name="socket">The connection; closed afterwards, with a reset if it did not get there.</param>
    /// <param name="forward">Its place.</param>
    /// <param name="open">Opens its stream.</param>
    /// <param name="what">Where it goes, for people.</param>
    /// <param name="options">The forwarder's.</param>
    /// <param name="counters">Counts.</param>
    public static async Task RunAsync(
        Socket socket, ForwardTable.Forward forward, StreamOpener open, string what, ForwardOptions options, TunnelCounters counters)
    {
        using (forward)
        using (socket)
        {
            try
            {
                (CausewayStream stream, bool isAnswered) = await open(forward.CutToken).ConfigureAwait(false);
                forward.Connection = stream.Connection;
                string from = AddressText.Remote(socket);
                Func<Task>? granted = isAnswered ? () => AwaitGrantAsync(stream, from, what, options, counters) : null;
                await ForwardRelay.RunAsync(socket, stream, fromSocket: true, options, forward.CutToken, granted).ConfigureAwait(false);
            }
            catch (Exception error) when (error is TransportException or OperationCanceledException or TunnelRefusedException)
            {
                if (error is not OperationCanceledException)
                {
                    TunnelLog.RefusedByPeer(options.Logger, AddressText.Remote(socket), what, error.Message);
                }

                // Whoever connected must not take it for an orderly end.
                TunnelPort.ResetOnClose(socket);
            }
            catch (Exception error)
            {
                TunnelPort.ResetOnClose(socket);
                ForwardingLog.Unexpected(options.Logger, error.Message, error);
            }
        }
    }

    private static async Task AwaitGrantAsync(CausewayStream stream, string from, string what, ForwardOptions options, TunnelCounters counters)
    {
        try
        {
            await TunnelStream.ReadAnswerAsync(stream, CancellationToken.None).ConfigureAwait(false);
            counters.CountGranted();
        }
        catch (TunnelRefusedException error)
        {
            counters.CountRefused();
            TunnelLog.RefusedByPeer(options.Logger, from, what, error.Message);
            throw;
        }
    }
}
