using System.Buffers;

namespace Causeway.PortForwarder.Forward;

/// <summary>Relays between a pair of streams and a stream of a tunnel, as a ProxyCommand of ssh does.</summary>
internal static class StdioRelay
{
    private const int BufferSize = 64 * 1024;

    /// <summary>
    /// Relays until the tunnel ends its direction. The end of the input is that of the other direction; an input that stays open
    /// is not waited for.
    /// </summary>
    /// <exception cref="TransportException">The tunnel broke off.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task RunAsync(Stream input, Stream output, CausewayStream stream, CancellationToken cancellationToken)
    {
        await using (stream.ConfigureAwait(false))
        {
            Task sending = SendAsync(input, stream, cancellationToken);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int count)
                {
                    await output.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
            }
            catch
            {
                stream.Abort();
                throw;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }

            if (sending.IsCompleted)
            {
                await sending.ConfigureAwait(false);
            }
        }
    }

    private static async Task SendAsync(Stream input, CausewayStream stream, CancellationToken cancellationToken)
    {
        // A read of a terminal holds its thread: not the one that the tunnel is served by.
        await Task.Yield();
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (await input.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int count)
            {
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            }

            stream.CompleteWrites();
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException or OperationCanceledException)
        {
            // The tunnel takes no more; what it still says is read.
        }
        catch (IOException)
        {
            // The input broke: its end is not that of what was to be sent.
            stream.Abort(StreamAbortDirections.Write, 0);
        }
    }
}
