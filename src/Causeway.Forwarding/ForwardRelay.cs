using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;

namespace Causeway.Forwarding;

/// <summary>Runs a bridge with the log lines that the reference writes about it (docs/wire/kcptun.md 10.8).</summary>
internal static class ForwardRelay
{
    /// <param name="socket">The socket; closed afterwards.</param>
    /// <param name="stream">The stream; closed afterwards.</param>
    /// <param name="fromSocket">Whether the connection came in by the socket (on a client) and goes out by the stream.</param>
    /// <param name="options">The forwarder's.</param>
    /// <param name="cut">Cuts both off.</param>
    /// <param name="granted">Waits for the peer's answer, and fails if it refuses; null if none comes.</param>
    public static Task RunAsync(
        Socket socket, CausewayStream stream, bool fromSocket, ForwardOptions options, CancellationToken cut, Func<Task>? granted = null)
    {
        // Listeners hand their options down, and who connects sets them.
        StreamBridge bridge = new(socket, stream, options.CloseWait, options.TimeProvider)
        {
            HalfCloseLimit = options.HalfCloseLimit,
            IsPrepared = !fromSocket || ForwardEndPoint.AcceptedInherit,
            Granted = granted,
        };
        return options.Quiet ? bridge.RunAsync(cut) : RunLoggedAsync(bridge, socket, stream, fromSocket, options, cut);
    }

    /// <summary>Sends what stands in front of a connection to a target; closes it if that fails.</summary>
    /// <exception cref="SocketException">The target takes nothing.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask SendHeaderAsync(Socket socket, ReadOnlyMemory<byte> header, CancellationToken cancellationToken)
    {
        try
        {
            // A connection that was just made takes some tens of bytes at once.
            await socket.SendAsync(header, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task RunLoggedAsync(
        StreamBridge bridge, Socket socket, CausewayStream stream, bool fromSocket, ForwardOptions options, CancellationToken cut)
    {
        (string from, string to) = fromSocket
            ? (AddressText.Remote(socket), AddressText.Of(stream))
            : (AddressText.Of(stream), AddressText.Remote(socket));
        ForwardingLog.StreamOpened(options.Logger, from, to);
        StreamBridgeResult result = await bridge.RunAsync(cut).ConfigureAwait(false);
        if (result.Failure is { } failure and not TunnelRefusedException)
        {
            ForwardingLog.PipeFailed(options.Logger, failure.Message, from, to);
        }

        ForwardingLog.StreamClosed(options.Logger, from, to);
    }
}
