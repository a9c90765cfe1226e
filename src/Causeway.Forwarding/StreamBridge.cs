using System.Buffers;
using System.Net.Sockets;

namespace Causeway.Forwarding;

/// <summary>
/// Relays between a socket and a stream until both directions have ended, and carries each end over as what it was: end of
/// stream as end of stream, a reset as a reset. Owns both and closes both.
/// </summary>
/// <remarks>
/// <code>
/// both open --one side ends, peer can half-close--> other direction only, for HalfCloseLimit at most --it ends--> closed
/// both open --one side ends, peer is kcptun--> other direction for CloseWait at most --> closed
/// other direction only --peer takes no more--> closed
/// any --reset, failure or cancellation on either side--> cut: stream aborted, TCP reset
/// </code>
/// A kcptun peer takes the first end of stream for the end of both directions (docs/wire/kcptun.md 7.7, 10.3). Its own
/// end of stream means the same, so that nothing is lost by passing it on to the socket at once.
/// </remarks>
public sealed partial class StreamBridge
{
    /// <summary>Bytes that one operation moves at most.</summary>
    public const int BufferSize = 64 * 1024;

    // Pieces that go without a wait before the thread is let go: it may be the one that hears of all other sockets.
    private const int PiecesBeforeYield = 4;

    // Bytes that a connection waits with for its socket: most requests fit, and a thousand idle connections hold a megabyte.
    private const int WaitingSize = 1024;

    private readonly Socket _socket;
    private readonly CausewayStream _stream;
    private readonly TimeSpan _closeWait;
    private readonly TimeProvider _time;
    private long _bytesToStream;
    private long _bytesToSocket;
    private volatile bool _socketEnded;

    /// <summary>Makes a bridge over a connected socket and an open stream.</summary>
    /// <param name="socket">A connected TCP or Unix stream socket.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="closeWait">
    /// With a kcptun peer: how long the other direction may go on after one has ended. Zero or more.
    /// </param>
    /// <param name="timeProvider">The clock; null for the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="closeWait"/> is negative.</exception>
    public StreamBridge(Socket socket, CausewayStream stream, TimeSpan closeWait, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfLessThan(closeWait, TimeSpan.Zero);
        _socket = socket;
        _stream = stream;
        _closeWait = closeWait;
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>
    /// With a peer that can close one direction alone: how long the other direction may go on after one has ended. Null, the
    /// default, for as long as it likes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public TimeSpan? HalfCloseLimit
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value ?? TimeSpan.Zero, TimeSpan.Zero);
            field = value;
        }
    }

    /// <summary>Whether the socket has its options already, by inheritance or from who connected it.</summary>
    internal bool IsPrepared { get; init; }

    /// <summary>
    /// Takes the peer's answer off the front of the stream, and fails if it refuses; null if there is none. What the socket sends goes
    /// to the stream without waiting for it.
    /// </summary>
    internal Func<Task>? Granted { get; init; }

    private enum End
    {
        /// <summary>The source ended, and the destination was told.</summary>
        Finished,

        /// <summary>The same, but the destination could not be told without closing its other direction.</summary>
        FinishedUntold,

        /// <summary>The peer takes no more; what it sent before may still be there.</summary>
        Refused,

        /// <summary>The bridge was closed from this side while the direction was open.</summary>
        Closed,

        /// <summary>The direction broke off.</summary>
        Failed,
    }

    /// <summary>Relays until both directions have ended. Call it once.</summary>
    /// <param name="cancellationToken">Cuts the bridge off: both sides see a reset.</param>
    /// <returns>What was moved, and what broke it off if something did.</returns>
    public async Task<StreamBridgeResult> RunAsync(CancellationToken cancellationToken = default)
    {
        if (!IsPrepared)
        {
            ForwardEndPoint.Prepare(_socket);
        }

        _socket.Blocking = false;
        Task<Direction> toStream = RelayToStreamAsync();
        Task<Direction> toSocket = RelayToSocketAsync();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static state => ((StreamBridge)state!).Cut(), this);

        Direction first = await (await Task.WhenAny(toStream, toSocket).ConfigureAwait(false)).ConfigureAwait(false);
        Exception? failure = first.Failure;
        if (first.End != End.Failed)
        {
            failure = toStream.IsCompleted
                ? await AwaitAnswerAsync(first.End, toSocket).ConfigureAwait(false)
                : await AwaitRestAsync(first.End, toStream).ConfigureAwait(false);
        }

        if (failure is null && !cancellationToken.IsCancellationRequested)
        {
            await CloseAsync(toStream).ConfigureAwait(false);
        }
        else
        {
            Cut();
        }

        await toStream.ConfigureAwait(false);
        await toSocket.ConfigureAwait(false);
        return new StreamBridgeResult(_bytesToStream, _bytesToSocket, failure);
    }

    private async Task<Direction> RelayToStreamAsync()
    {
        // What an idle connection holds. A request that fits costs no call that only asks whether there is something.
        byte[] small = ArrayPool<byte>.Shared.Rent(WaitingSize);
        try
        {
            while (true)
            {
                int count = await _socket.ReceiveAsync(small.AsMemory(0, WaitingSize), SocketFlags.None).ConfigureAwait(false);
                if (count == 0)
                {
                    _socketEnded = true;
                    break;
                }

                if (count < WaitingSize)
                {
                    await _stream.WriteAsync(small.AsMemory(0, count)).ConfigureAwait(false);
                    _bytesToStream += count;
                }
                else if (!await RelayBulkAsync(small).ConfigureAwait(false))
                {
                    _socketEnded = true;
                    break;
                }
            }

            if (!await _stream.Connection.SupportsHalfCloseAsync().ConfigureAwait(false))
            {
                return new Direction(End.FinishedUntold);
            }

            _stream.CompleteWrites();
            return new Direction(End.Finished);
        }
        catch (TransportException error) when (error.Error == TransportError.StreamClosedByPeer)
        {
            return new Direction(End.Refused);
        }
        catch (Exception error)
        {
            return ToEnd(error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(small);
        }
    }

    /// <summary>Relays in large pieces, beginning with a small one that came full, until the socket has no more for now.</summary>
    /// <returns>False if the socket has ended.</returns>
    private async ValueTask<bool> RelayBulkAsync(byte[] first)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            first.AsSpan(0, WaitingSize).CopyTo(buffer);
            int count = WaitingSize;
            for (int pieces = 1; ; pieces++)
            {
                int more = _socket.Receive(buffer.AsSpan(count, BufferSize - count), SocketFlags.None, out SocketError error);
                if (error is not (SocketError.Success or SocketError.WouldBlock))
                {
                    throw new SocketException((int)error);
                }

                count += more;
                if (count > 0)
                {
                    ValueTask writing = _stream.WriteAsync(buffer.AsMemory(0, count));
                    if (!writing.IsCompleted)
                    {
                        pieces = 0;
                    }
                    else if (pieces == PiecesBeforeYield)
                    {
                        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                    }

                    await writing.ConfigureAwait(false);
                    _bytesToStream += count;
                }

                if (error is SocketError.WouldBlock)
                {
                    return true;
                }

                if (more == 0)
                {
                    return false;
                }

                count = 0;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<Direction> RelayToSocketAsync()
    {
        try
        {
            if (Granted is { } granted)
            {
                await granted().ConfigureAwait(false);
            }

            bool more = false;
            while (true)
            {
                if (!more)
                {
                    await _stream.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
                }

                byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
                try
                {
                    int count = await _stream.ReadAsync(buffer.AsMemory(0, BufferSize)).ConfigureAwait(false);
                    if (count == 0)
                    {
                        break;
                    }

                    for (int sent = 0; sent < count;)
                    {
                        sent += await _socket.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None).ConfigureAwait(false);
                    }

                    _bytesToSocket += count;
                    more = count == BufferSize;
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }

            if (!_socketEnded)
            {
                _socket.Shutdown(SocketShutdown.Send);
            }

            // Otherwise this is the second end, and closing the socket tells the same at once.
            return new Direction(End.Finished);
        }
        catch (Exception error)
        {
            return ToEnd(error);
        }
    }

    private static Direction ToEnd(Exception error) => error switch
    {
        ObjectDisposedException => new Direction(End.Closed),
        SocketException { SocketErrorCode: SocketError.OperationAborted } => new Direction(End.Closed),
        _ => new Direction(End.Failed, error),
    };

    private readonly record struct Direction(End End, Exception? Failure = null);
}

/// <summary>What a <see cref="StreamBridge"/> did.</summary>
/// <param name="BytesToStream">Bytes taken from the socket and accepted by the stream.</param>
/// <param name="BytesToSocket">Bytes taken from the stream and accepted by the socket.</param>
/// <param name="Failure">
/// Why it broke off: a <see cref="TransportException"/> or a <see cref="SocketException"/>. Null if both directions ended in
/// order, or it was cancelled.
/// </param>
public sealed record StreamBridgeResult(long BytesToStream, long BytesToSocket, Exception? Failure);
