using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// The application's datagrams (RFC 9221) that wait to leave or to be read. Both queues are bounded: what does not fit drops the
/// oldest one, which is worth least.
/// </summary>
internal sealed class DatagramQueues(int capacity) : IDisposable
{
    private readonly Queue<(PacketBuffer Bytes, Timestamp Deadline)> _outgoing = new();
    private readonly Queue<PacketSlice> _incoming = new();

    /// <summary>Bytes of the largest DATAGRAM frame that the peer takes; 0 for none.</summary>
    public int PeerLimit { get; set; }

    /// <summary>Datagrams that were dropped before they left, because they were late or too many waited.</summary>
    public long DroppedOutgoing { get; private set; }

    /// <summary>Datagrams that were dropped because nobody read them.</summary>
    public long DroppedIncoming { get; private set; }

    /// <summary>Datagrams that wait to be read.</summary>
    public int Readable => _incoming.Count;

    /// <summary>When the next datagram is dropped if it has not left.</summary>
    public Timestamp NextDeadline => _outgoing.TryPeek(out (PacketBuffer Bytes, Timestamp Deadline) first) ? first.Deadline : Timestamp.Never;

    /// <summary>Whether something waits to leave that is still in time.</summary>
    public bool HasOutput(Timestamp now)
    {
        DropLate(now);
        return _outgoing.Count > 0;
    }

    /// <summary>Takes a datagram to send, and its reference over.</summary>
    public void Send(PacketBuffer bytes, Timestamp deadline)
    {
        if (_outgoing.Count >= capacity)
        {
            _outgoing.Dequeue().Bytes.Release();
            DroppedOutgoing++;
        }

        _outgoing.Enqueue((bytes, deadline));
    }

    /// <summary>Writes as many as fit into a packet.</summary>
    public int Write(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = 0;
        while (HasOutput(now))
        {
            PacketBuffer next = _outgoing.Peek().Bytes;
            int count = FrameWriter.Datagram(room[written..], next.Payload, isLast: false);
            if (count == 0)
            {
                // It fits into an empty packet, or the path has become too narrow for it.
                if (written > 0 || packet.Frames.Length > 0)
                {
                    break;
                }

                _outgoing.Dequeue();
                next.Release();
                DroppedOutgoing++;
                continue;
            }

            written += count;
            packet.Add(new SentFrame { Kind = SentFrameKind.Datagram });
            packet.IsAckEliciting = true;
            _outgoing.Dequeue();
            next.Release();
        }

        return written;
    }

    /// <summary>Takes a datagram that arrived, and its reference over.</summary>
    public void Receive(PacketSlice bytes)
    {
        if (_incoming.Count >= capacity)
        {
            _incoming.Dequeue().Release();
            DroppedIncoming++;
        }

        _incoming.Enqueue(bytes);
    }

    /// <summary>The next datagram to read. The caller owns the slice.</summary>
    public bool TryRead(out PacketSlice bytes) => _incoming.TryDequeue(out bytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_outgoing.TryDequeue(out (PacketBuffer Bytes, Timestamp Deadline) waiting))
        {
            waiting.Bytes.Release();
        }

        while (_incoming.TryDequeue(out PacketSlice waiting))
        {
            waiting.Release();
        }
    }

    private void DropLate(Timestamp now)
    {
        while (_outgoing.TryPeek(out (PacketBuffer Bytes, Timestamp Deadline) first) && first.Deadline < now)
        {
            _outgoing.Dequeue();
            first.Bytes.Release();
            DroppedOutgoing++;
        }
    }
}
