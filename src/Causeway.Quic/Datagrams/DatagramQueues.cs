using Causeway.Quic.Recovery;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// The application's datagrams (RFC 9221) that wait to leave or to be read. Both queues are bounded: what does not fit drops the
/// oldest one, which is worth least.
/// </summary>
internal sealed class DatagramQueues(int capacity) : IDisposable
{
    // Datagrams with a deadline that are kept until their fate is known, for a peer without FEC; a power of two. Of more in flight
    // the oldest are not repeated.
    private const int MostKept = 64;

    private readonly Queue<Outgoing> _outgoing = new();
    private readonly Queue<Outgoing> _again = new();
    private readonly Queue<PacketSlice> _incoming = new();
    private Outgoing[]? _kept;
    private long _lastKept;
    private int _deadlines;

    /// <summary>Bytes of the largest DATAGRAM frame that the peer takes; 0 for none.</summary>
    public int PeerLimit { get; set; }

    /// <summary>
    /// How long a datagram is under way, in microseconds: one with a deadline that cannot be met is dropped when it has to leave.
    /// </summary>
    public long OneWay { get; set; }

    /// <summary>Whether datagrams with a deadline are kept here to be repeated. Otherwise somebody else repeats them, or nobody.</summary>
    public bool KeepsForRepeat { get; set; } = true;

    /// <summary>Datagrams that were dropped because they could not arrive in time any more.</summary>
    public long Late { get; private set; }

    /// <summary>Datagrams that were sent once more.</summary>
    public long Repeated { get; private set; }

    /// <summary>Datagrams that were dropped before they left because too many waited, or the path became too narrow.</summary>
    public long Overflowed { get; private set; }

    /// <summary>Datagrams that were dropped because nobody read them.</summary>
    public long DroppedIncoming { get; private set; }

    /// <summary>Datagrams that wait to be read.</summary>
    public int Readable => _incoming.Count;

    /// <summary>Whether one of the datagrams that wait to leave has a deadline.</summary>
    public bool HasDeadlines => _deadlines > 0;

    /// <summary>The latest deadline of the datagrams that were written last; Never if none had one.</summary>
    public Timestamp WrittenDeadline { get; private set; }

    /// <summary>When the next datagram is dropped if it has not left.</summary>
    public Timestamp NextDeadline
    {
        get
        {
            Timestamp first = _outgoing.TryPeek(out Outgoing waiting) ? waiting.Deadline : Timestamp.Never;
            Timestamp again = _again.TryPeek(out Outgoing repeated) ? repeated.Deadline : Timestamp.Never;

            // The last moment is still in time.
            return Timestamp.Min(first, again).AddMicroseconds(1 - OneWay);
        }
    }

    /// <summary>Whether something waits to leave that is still in time.</summary>
    public bool HasOutput(Timestamp now)
    {
        DropLate(now);
        return _again.Count + _outgoing.Count > 0;
    }

    /// <summary>Drops what waits to leave and cannot arrive in time any more.</summary>
    public void DropLate(Timestamp now)
    {
        DropLate(_again, now);
        DropLate(_outgoing, now);
    }

    /// <summary>Takes a datagram to send, and its reference over.</summary>
    public void Send(PacketBuffer bytes, Timestamp deadline)
    {
        if (_outgoing.Count >= capacity)
        {
            Take(_outgoing).Bytes.Release();
            Overflowed++;
        }

        _deadlines += deadline.IsNever ? 0 : 1;
        _outgoing.Enqueue(new Outgoing(bytes, deadline));
    }

    /// <summary>Writes as many as fit into a packet.</summary>
    public int Write(Span<byte> room, QuicSentPacket packet, Timestamp now)
    {
        int written = 0;
        WrittenDeadline = Timestamp.Never;
        while (HasOutput(now))
        {
            Queue<Outgoing> queue = _again.Count > 0 ? _again : _outgoing;
            PacketBuffer next = queue.Peek().Bytes;
            int count = FrameWriter.Datagram(room[written..], next.Payload, isLast: false);
            if (count == 0)
            {
                // It fits into an empty packet, or the path has become too narrow for it.
                if (written > 0 || packet.Frames.Length > 0)
                {
                    break;
                }

                Take(queue).Bytes.Release();
                Overflowed++;
                continue;
            }

            written += count;
            Repeated += ReferenceEquals(queue, _again) ? 1 : 0;
            Outgoing sent = Take(queue);
            if (!sent.Deadline.IsNever)
            {
                WrittenDeadline = WrittenDeadline.IsNever ? sent.Deadline : Timestamp.Max(WrittenDeadline, sent.Deadline);
            }

            packet.Add(new SentFrame { Kind = SentFrameKind.Datagram, Value = Keep(sent) });
            packet.IsAckEliciting = true;
        }

        return written;
    }

    /// <summary>A datagram arrived at the peer.</summary>
    /// <param name="number">Its number; 0 if it was not kept.</param>
    public void OnAcknowledged(long number)
    {
        if (TryTakeKept(number, out Outgoing kept))
        {
            kept.Bytes.Release();
        }
    }

    /// <summary>A datagram is lost: it goes again if it can still arrive in time.</summary>
    /// <param name="number">Its number; 0 if it was not kept.</param>
    /// <param name="now">The time.</param>
    public void OnLost(long number, Timestamp now)
    {
        if (!TryTakeKept(number, out Outgoing kept))
        {
            return;
        }

        if (IsLate(kept, now))
        {
            kept.Bytes.Release();
            Late++;
            return;
        }

        _deadlines++;
        _again.Enqueue(kept);
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
        Release(_outgoing);
        Release(_again);
        while (_incoming.TryDequeue(out PacketSlice waiting))
        {
            waiting.Release();
        }

        foreach (ref Outgoing kept in _kept.AsSpan())
        {
            kept.Bytes?.Release();
            kept = default;
        }
    }

    private static void Release(Queue<Outgoing> queue)
    {
        while (queue.TryDequeue(out Outgoing waiting))
        {
            waiting.Bytes.Release();
        }
    }

    private Outgoing Take(Queue<Outgoing> queue)
    {
        Outgoing taken = queue.Dequeue();
        _deadlines -= taken.Deadline.IsNever ? 0 : 1;
        return taken;
    }

    /// <summary>Keeps a datagram that leaves until its fate is known, or lets go of it.</summary>
    /// <returns>The number under which it is kept; 0 if it is not.</returns>
    private long Keep(in Outgoing sent)
    {
        if (!KeepsForRepeat || sent.Deadline.IsNever)
        {
            sent.Bytes.Release();
            return 0;
        }

        _kept ??= new Outgoing[MostKept];
        ref Outgoing slot = ref _kept[++_lastKept & (MostKept - 1)];
        slot.Bytes?.Release();
        slot = sent;
        return _lastKept;
    }

    private bool TryTakeKept(long number, out Outgoing kept)
    {
        kept = default;
        if (number == 0 || _kept is null || number <= _lastKept - MostKept)
        {
            return false;
        }

        ref Outgoing slot = ref _kept[number & (MostKept - 1)];
        kept = slot;
        slot = default;
        return kept.Bytes is not null;
    }

    private bool IsLate(in Outgoing datagram, Timestamp now) => datagram.Deadline < now.AddMicroseconds(OneWay);

    private void DropLate(Queue<Outgoing> queue, Timestamp now)
    {
        while (queue.TryPeek(out Outgoing first) && IsLate(in first, now))
        {
            Take(queue).Bytes.Release();
            Late++;
        }
    }

    private readonly record struct Outgoing(PacketBuffer Bytes, Timestamp Deadline);
}
