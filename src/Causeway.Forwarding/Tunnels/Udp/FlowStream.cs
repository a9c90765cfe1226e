namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>The stream that lasts as long as what it was opened for: a flow, or a listening port.</summary>
internal static class FlowStream
{
    /// <summary>Completes when the peer ends its direction, breaks its word by sending something, or the stream fails.</summary>
    public static async Task EndedAsync(CausewayStream stream)
    {
        try
        {
            await stream.ReadAsync(new byte[1]).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException or InvalidOperationException)
        {
            // It ended in another way.
        }
    }
}
