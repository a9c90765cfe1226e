namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>The stream that lasts as long as what it was opened for: a flow, or a listening port.</summary>
internal static class FlowStream
{
    /// <summary>Completes when the peer ends its direction, breaks its word by sending something, the stream fails, or nobody waits any more.</summary>
    public static async Task EndedAsync(CausewayStream stream, CancellationToken cancellationToken = default)
    {
        try
        {
            await stream.ReadAsync(new byte[1], cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            // It ended in another way.
        }
    }
}
