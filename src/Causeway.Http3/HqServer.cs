using Causeway.Http3.Hq;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>
/// Serves files by HTTP/0.9 over QUIC on connections that the application accepted with the ALPN token "hq-interop".
/// Thread-safe.
/// </summary>
public sealed class HqServer
{
    private const int CopyBufferSize = 64 * 1024;

    private readonly StaticFiles _files;
    private readonly Http3Limits _limits;

    /// <summary>Makes a server.</summary>
    /// <param name="files">The files to serve.</param>
    /// <param name="limits">
    /// Of which <see cref="Http3Limits.MaxConcurrentRequests"/> matters: more requests wait. Null for the defaults.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range; the message names it.</exception>
    public HqServer(StaticFiles files, Http3Limits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        _files = files;
        _limits = limits ?? new Http3Limits();
        _limits.Validate();
    }

    /// <summary>Serves one connection until it ends, for whatever reason; closes it.</summary>
    /// <param name="connection">The connection, which belongs to the server from here on.</param>
    /// <param name="cancellationToken">When cancelled, requests under way are finished, then the connection is closed.</param>
    public Task ServeAsync(CausewayConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return ServeAsync(new CausewayTransport(connection, isClient: false), cancellationToken);
    }

    internal async Task ServeAsync(IHttp3Transport transport, CancellationToken cancellationToken)
    {
        SemaphoreSlim slots = new(_limits.MaxConcurrentRequests);
        await using (transport.ConfigureAwait(false))
        {
            try
            {
                while (true)
                {
                    await slots.WaitAsync(cancellationToken).ConfigureAwait(false);
                    Http3Stream stream;
                    try
                    {
                        stream = await transport.AcceptAsync(cancellationToken).ConfigureAwait(false);
                    }
                    catch
                    {
                        slots.Release();
                        throw;
                    }

                    _ = ServeAsync(stream, slots);
                }
            }
            catch (Exception error) when (error is IOException or OperationCanceledException)
            {
                // The connection ended, or nothing more is to be accepted.
            }

            for (int i = 0; i < _limits.MaxConcurrentRequests; i++)
            {
                await slots.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            }

            await transport.CloseAsync(Http3ErrorCode.None, "").ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(Http3Stream stream, SemaphoreSlim slots)
    {
        await Task.Yield();
        bool isServed = false;
        try
        {
            if (!stream.IsBidirectional)
            {
                stream.Abort(StreamDirections.Read, Http3ErrorCode.StreamCreationError);
            }
            else if (await ReadRequestAsync(stream).ConfigureAwait(false) is not { } target)
            {
                stream.Abort(StreamDirections.Both, Http3ErrorCode.MessageError);
            }
            else if (_files.TryOpen(target) is not { } file)
            {
                stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestRejected);
            }
            else
            {
                await using (file.ConfigureAwait(false))
                {
                    await file.CopyToAsync(stream, CopyBufferSize).ConfigureAwait(false);
                }

                stream.CompleteWrites();
                isServed = true;
            }
        }
        catch (IOException)
        {
            // The client or the connection gave up, or the file could not be read: the end of the stream would say that the
            // file is whole.
            stream.Abort(StreamDirections.Both, Http3ErrorCode.InternalError);
        }
        finally
        {
            slots.Release();
        }

        if (isServed)
        {
            await AwaitEndAsync(stream).ConfigureAwait(false);
        }

        await stream.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Reads on until the client ends the request, whose end may be late or lost: asking it to stop (STOP_SENDING) would look to it
    /// like a refusal of what it has sent. Whoever sends more than a request is asked nevertheless.
    /// </summary>
    private static async ValueTask AwaitEndAsync(Http3Stream stream)
    {
        byte[] rest = new byte[64];
        try
        {
            for (int left = HqRequest.MaxLength; left > 0;)
            {
                int count = await stream.ReadAsync(rest).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                left -= count;
            }
        }
        catch (IOException)
        {
            // The client gave its direction up, or the connection ended. The answer goes its way.
        }
    }

    /// <returns>The target; null if the request is none, or longer than the limit.</returns>
    private static async ValueTask<string?> ReadRequestAsync(Http3Stream stream)
    {
        byte[] buffer = new byte[HqRequest.MaxLength];
        int length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).Contains((byte)'\n'))
        {
            int count = await stream.ReadAsync(buffer.AsMemory(length)).ConfigureAwait(false);
            if (count == 0)
            {
                break;
            }

            length += count;
        }

        int end = buffer.AsSpan(0, length).IndexOf((byte)'\n');
        return HqRequest.TryParse(buffer.AsSpan(0, end < 0 ? length : end + 1), out string target) ? target : null;
    }
}
