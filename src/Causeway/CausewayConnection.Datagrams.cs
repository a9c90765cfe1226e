using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Causeway.Protocol;
using Causeway.Runtime;

namespace Causeway;

/// <content>Messages that are not sent again (RFC 9221).</content>
public sealed partial class CausewayConnection
{
    // What a reader that is behind gets the latest of.
    private const int MostUnreadDatagrams = 256;

    private readonly Channel<PacketSlice> _datagrams = Channel.CreateBounded<PacketSlice>(
        new BoundedChannelOptions(MostUnreadDatagrams) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true },
        static dropped => dropped.Release());

    private readonly DatagramItem _datagramItem;
    private volatile int _maxDatagramLength;

    /// <summary>
    /// Bytes of the largest datagram that <see cref="SendDatagramAsync"/> takes at present; it follows the path. 0 if the profile or
    /// the peer has no datagrams.
    /// </summary>
    public int MaxDatagramLength => _maxDatagramLength;

    /// <summary>
    /// Sends a message that arrives once or not at all, in one packet, without a place among others. It competes with streams for
    /// what the path carries, and is dropped, oldest first, when more than 256 wait.
    /// </summary>
    /// <param name="datagram">The message; copied before the call returns.</param>
    /// <param name="deadline">
    /// After how long it is worthless; null for never. It is dropped as soon as it cannot arrive in time any more, and goes again if it
    /// is lost and can (<c>QuicStatistics</c> counts both). At a peer without forward error correction (see <c>QuicProfile.Fec</c>) one that
    /// was late rather than lost may then arrive twice.
    /// </param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="ArgumentException">It is longer than <see cref="MaxDatagramLength"/>.</exception>
    /// <exception cref="TransportException">The connection has ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask SendDatagramAsync(
        ReadOnlyMemory<byte> datagram, TimeSpan? deadline = null, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        if (_closed.Task.IsCompleted)
        {
            return ValueTask.FromException(NewClosedException());
        }

        if (datagram.Length > MaxDatagramLength)
        {
            throw new ArgumentException(
                $"The datagram has {datagram.Length} bytes; the path and the peer take {MaxDatagramLength} at present.", nameof(datagram));
        }

        PacketBuffer copy = _options.BufferPool.Rent(headroom: 0);
        datagram.Span.CopyTo(copy.Append(datagram.Length));
        _datagramItem.Add(copy, deadline is { } limit ? _shard.Now.Add(limit) : Timestamp.Never);
        _shard.Post(_datagramItem);
        return ValueTask.CompletedTask;
    }

    /// <summary>Waits for the next message that the peer sends. Of those that nobody reads, the latest 256 are kept.</summary>
    /// <param name="buffer">Takes the message; what does not fit is lost.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Bytes of the message, as sent; more than the buffer has if it did not fit.</returns>
    /// <exception cref="TransportException">The connection has ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReceiveDatagramAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            PacketSlice message = await _datagrams.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            int length = message.Length;
            message.Span[..Math.Min(length, buffer.Length)].CopyTo(buffer.Span);
            message.Release();
            return length;
        }
        catch (ChannelClosedException)
        {
            throw NewClosedException();
        }
    }

    private void PassDatagrams()
    {
        _maxDatagramLength = Session.MaxMessageLength;
        while (Session.TryReadMessage(out PacketSlice message))
        {
            if (!_datagrams.Writer.TryWrite(message))
            {
                message.Release();
            }
        }
    }

    private void DropDatagrams()
    {
        _datagrams.Writer.TryComplete();
        if (_failure?.Error != TransportError.ClosedByPeer)
        {
            while (_datagrams.Reader.TryRead(out PacketSlice unread))
            {
                unread.Release();
            }
        }
    }

    /// <summary>What was sent and waits for a turn.</summary>
    private sealed class DatagramItem(CausewayConnection connection) : ShardItem
    {
        private readonly ConcurrentQueue<(PacketBuffer Datagram, Timestamp Deadline)> _waiting = new();

        internal override CausewayConnection Connection => connection;

        public void Add(PacketBuffer datagram, Timestamp deadline) => _waiting.Enqueue((datagram, deadline));

        internal override void Run(Timestamp now)
        {
            // A turn must end: what is added meanwhile comes with the next one, which that posts.
            for (int left = _waiting.Count; left > 0 && _waiting.TryDequeue(out (PacketBuffer Datagram, Timestamp Deadline) next); left--)
            {
                if (!connection.IsClosed)
                {
                    connection.Session.TrySendMessage(next.Datagram.Payload, next.Deadline);
                }

                next.Datagram.Release();
            }

            if (!connection.IsClosed)
            {
                connection._shard.MarkDirty(connection);
            }
        }
    }
}
