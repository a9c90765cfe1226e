using System.Buffers;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <content>What happens after one direction has ended, and how both are closed.</content>
public sealed partial class StreamBridge
{
    // Closing a socket with unread bytes resets it, and the reset may overtake the last bytes that the other end has not
    // read yet: so what it still sends after the end is read and dropped for a while.
    private static readonly TimeSpan s_drainTime = TimeSpan.FromSeconds(1);

    private volatile Exception? _broken;

    /// <summary>
    /// The socket's end was carried over: waits for the stream's. Nothing is read from the socket meanwhile, so it is watched.
    /// </summary>
    /// <returns>What broke it off, if something did.</returns>
    private async Task<Exception?> AwaitAnswerAsync(End first, Task<Direction> toSocket)
    {
        using IDisposable? watch = first is End.Finished or End.FinishedUntold && !toSocket.IsCompleted
            ? HalfOpenWatch.Shared.Add(_socket, OnSocketBroken)
            : null;
        Exception? failure = await LimitAsync(toSocket, await AllowedAsync(first).ConfigureAwait(false)).ConfigureAwait(false);
        return _broken ?? failure;
    }

    /// <summary>
    /// The stream's end was carried over: waits for the socket's. It may say nothing for ever, so that only the stream itself
    /// tells that its peer takes no more. A kcptun peer says that with its end; its other direction lasts as long as in kcptun.
    /// </summary>
    /// <returns>What broke it off, if something did.</returns>
    private async Task<Exception?> AwaitRestAsync(End first, Task<Direction> toStream)
    {
        Task<Exception?> ended = LimitAsync(toStream, await AllowedAsync(first).ConfigureAwait(false));
        if (!await _stream.Connection.SupportsHalfCloseAsync().ConfigureAwait(false)
            || await Task.WhenAny(ended, _stream.WritesClosed).ConfigureAwait(false) == ended)
        {
            return await ended.ConfigureAwait(false);
        }

        if (!_stream.WritesClosed.IsFaulted)
        {
            // The end of the socket, on its way.
            return await ended.ConfigureAwait(false);
        }

        TransportException? reason = _stream.WritesClosed.Exception?.InnerException as TransportException;
        return reason?.Error == TransportError.StreamClosedByPeer ? null : reason;
    }

    /// <summary>How long the second direction may go on; null for as long as it likes.</summary>
    private async ValueTask<TimeSpan?> AllowedAsync(End first)
    {
        if (first == End.Refused)
        {
            // What the peer sent before is still to be delivered.
            return null;
        }

        return first == End.Finished && await _stream.Connection.SupportsHalfCloseAsync().ConfigureAwait(false)
            ? HalfCloseLimit
            : _closeWait;
    }

    /// <summary>Waits for the second end as long as it is given.</summary>
    /// <returns>What the second direction failed of, if it did.</returns>
    private async Task<Exception?> LimitAsync(Task<Direction> other, TimeSpan? limit)
    {
        if (limit is null || other.IsCompleted)
        {
            return (await other.ConfigureAwait(false)).Failure;
        }

        if (limit > TimeSpan.Zero)
        {
            try
            {
                return (await other.WaitAsync(limit.Value, _time).ConfigureAwait(false)).Failure;
            }
            catch (TimeoutException)
            {
                // It ends as if it had said so.
            }
        }

        return null;
    }

    private void OnSocketBroken()
    {
        _broken = new SocketException((int)SocketError.ConnectionReset);
        Cut();
    }

    /// <summary>The orderly end: what was written is delivered, then both sides are closed.</summary>
    private async Task CloseAsync(Task<Direction> toStream)
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        bool sawEnd = toStream.IsCompletedSuccessfully
            && (await toStream.ConfigureAwait(false)).End is End.Finished or End.FinishedUntold;
        ShutdownSend();
        if (!sawEnd)
        {
            try
            {
                await DrainAsync(toStream).WaitAsync(s_drainTime, _time).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // It says no end of its own, and nobody takes what it says: a reset tells it so. But not before it has what was
                // sent to it, which a reset would discard.
                if (SocketHealth.HasDeliveredAll(_socket))
                {
                    ResetOnClose();
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // It is being closed anyway.
            }
        }

        _socket.Dispose();
    }

    // Disposing a socket that another thread uses at that moment resets it, and the other relay or the watch may: the end goes first.
    private void ShutdownSend()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }

    private async Task DrainAsync(Task<Direction> toStream)
    {
        // The relay itself reads until its next write finds the stream closed.
        Direction relay = await toStream.ConfigureAwait(false);
        if (relay.End is not (End.Refused or End.Closed))
        {
            return;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await _socket.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false) > 0)
            {
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Drained, one way or the other.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The end that nobody must take for a complete transfer.</summary>
    private void Cut()
    {
        _stream.Abort();
        ResetOnClose();
        _socket.Dispose();
    }

    private void ResetOnClose()
    {
        try
        {
            _socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is closed already, or of a kind that cannot be reset.
        }
    }
}
