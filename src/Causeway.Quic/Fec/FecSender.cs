using System.Buffers.Binary;
using Causeway.Protocol.Fec;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Fec;

/// <summary>
/// The sending half of the FEC extension: keeps the latest sources until their fate is known, and writes repairs over those that may
/// be missing (docs/wire/quic-fec.md, 6).
/// </summary>
/// <remarks>It holds at most one buffer for each source of its window, and none when all arrived.</remarks>
internal sealed class FecSender : IDisposable
{
    // Datagrams with a deadline that were lost and wait to be repeated, at most: a round trip's losses of a fast flow.
    private const int MostRepeats = 16;

    private readonly PacketPool _pool;
    private readonly Source[] _ring;
    private readonly int _mask;
    private readonly int _window;
    private readonly Queue<long> _repeats = new();
    private long _first;
    private long _nextRepair;
    private Timestamp _notBefore = Timestamp.LongAgo;

    /// <summary>Makes it, with nothing sent.</summary>
    /// <param name="window">Sources that a repair covers at most; 1 to 128.</param>
    /// <param name="rate">What the path calls for.</param>
    /// <param name="pool">Where sources are kept.</param>
    public FecSender(int window, RepairRate rate, PacketPool pool)
    {
        _window = window;
        _pool = pool;
        int size = 1;
        while (size < window)
        {
            size *= 2;
        }

        _ring = new Source[size];
        _mask = size - 1;
        Schedule = new RepairSchedule(rate);
    }

    /// <summary>When repairs leave.</summary>
    public RepairSchedule Schedule { get; }

    /// <summary>The number of the next source.</summary>
    public long NextSource { get; private set; }

    /// <summary>Sources whose packets may be missing.</summary>
    public int Open { get; private set; }

    /// <summary>Whether a source that was lost is to be repeated.</summary>
    public bool HasRepeats => _repeats.Count > 0;

    /// <summary>When a repair is due; Never if none is.</summary>
    public Timestamp DueAt
    {
        get
        {
            Timestamp due = HasRepeats ? Timestamp.LongAgo : Open > 0 ? Schedule.DueAt : Timestamp.Never;
            return Timestamp.Max(due, _notBefore);
        }
    }

    /// <summary>Bytes of the longest symbol that a repair would cover now.</summary>
    public int SymbolLength => Longest(_first, NextSource);

    /// <summary>A source is about to leave; it has the number <see cref="NextSource"/> had.</summary>
    /// <param name="source">Its frames.</param>
    /// <param name="packetNumber">The packet that it is in.</param>
    /// <param name="deadline">When it is worthless; Never if only its own retransmission or nothing replaces it.</param>
    public void Add(ReadOnlySpan<byte> source, long packetNumber, Timestamp deadline)
    {
        Forget(NextSource + 1 - _window);
        PacketBuffer symbol = _pool.Rent(headroom: 0);
        BinaryPrimitives.WriteUInt16BigEndian(symbol.Append(FecLimits.LengthSize), (ushort)source.Length);
        source.CopyTo(symbol.Append(source.Length));
        _ring[NextSource++ & _mask] = new Source { Symbol = symbol, PacketNumber = packetNumber, Deadline = deadline, IsOpen = true };
        Open++;
    }

    /// <summary>The packet of a source; -1 if it is not remembered.</summary>
    public long PacketOf(long id) =>
        id >= Math.Max(0, NextSource - _ring.Length) && id < NextSource ? _ring[id & _mask].PacketNumber : -1;

    /// <summary>A source arrived, by itself or by repairs: it needs none any more.</summary>
    public void OnArrived(long id)
    {
        if (IsOpen(id))
        {
            _ring[id & _mask].IsOpen = false;
            Open--;
            Forget(_first);
            if (Open == 0)
            {
                Schedule.Cancel();
            }
        }
    }

    /// <summary>The packet of a source is deemed lost, and the peer did not say that it was rebuilt.</summary>
    /// <param name="id">The source.</param>
    /// <param name="arrivesAt">When a repair arrives that leaves now.</param>
    /// <returns>What becomes of it.</returns>
    public LostSource OnLost(long id, Timestamp arrivesAt)
    {
        if (!IsOpen(id))
        {
            return LostSource.Dropped;
        }

        Timestamp deadline = _ring[id & _mask].Deadline;
        if (!deadline.IsNever && deadline >= arrivesAt && _repeats.Count < MostRepeats)
        {
            _repeats.Enqueue(id);
            return LostSource.Repeated;
        }

        // Its streams send it again, or it is too late for it.
        OnArrived(id);
        return deadline.IsNever ? LostSource.Dropped : LostSource.Late;
    }

    /// <summary>Writes a repair that is due.</summary>
    /// <param name="room">The rest of a packet.</param>
    /// <param name="now">The time.</param>
    /// <returns>Bytes; 0 if nothing is due, or there is no room for it.</returns>
    public int WriteRepair(Span<byte> room, Timestamp now)
    {
        while (_repeats.TryPeek(out long repeated))
        {
            if (!IsOpen(repeated))
            {
                _repeats.Dequeue();
                continue;
            }

            int copy = Write(room, repeated, repeated + 1);
            if (copy > 0)
            {
                // Its fate is not followed any further.
                _repeats.Dequeue();
                OnArrived(repeated);
            }

            return copy;
        }

        if (Open == 0)
        {
            Schedule.Cancel();
            return 0;
        }

        if (!Schedule.IsDue(now))
        {
            return 0;
        }

        int written = Write(room, _first, NextSource);
        if (written > 0)
        {
            Schedule.OnRepair(written, now);
        }

        return written;
    }

    /// <summary>Nothing may leave before a time.</summary>
    public void Postpone(Timestamp until) => _notBefore = until;

    /// <summary>What is due cannot leave, and data needs the window more.</summary>
    public void GiveUp()
    {
        Schedule.Cancel();
        while (_repeats.TryDequeue(out long id))
        {
            OnArrived(id);
        }
    }

    /// <summary>Releases all buffers.</summary>
    public void Dispose()
    {
        Forget(NextSource);
        _repeats.Clear();
    }

    private bool IsOpen(long id) => id >= _first && id < NextSource && _ring[id & _mask].IsOpen;

    private int Longest(long from, long to)
    {
        int longest = 0;
        for (long id = from; id < to; id++)
        {
            longest = Math.Max(longest, _ring[id & _mask].Symbol!.Length);
        }

        return longest;
    }

    private int Write(Span<byte> room, long from, long to)
    {
        int length = Longest(from, to);
        int header = FrameWriter.FecRepairHeader(room, _nextRepair, from, (int)(to - from));
        if (header == 0 || header + length > room.Length)
        {
            return 0;
        }

        Span<byte> symbol = room.Slice(header, length);
        symbol.Clear();
        for (long id = from; id < to; id++)
        {
            ReadOnlySpan<byte> source = _ring[id & _mask].Symbol!.Payload;
            GaloisKernel.Best.MultiplyAdd(CauchyCode.Coefficient(id, _nextRepair), source, symbol[..source.Length]);
        }

        _nextRepair++;
        return header + length;
    }

    // Lets go of what lies before a number, and of what arrived behind it without a gap: no repair will cover that any more.
    private void Forget(long before)
    {
        while (_first < NextSource && (_first < before || !_ring[_first & _mask].IsOpen))
        {
            ref Source source = ref _ring[_first++ & _mask];
            source.Symbol!.Release();
            source.Symbol = null;
            Open -= source.IsOpen ? 1 : 0;
            source.IsOpen = false;
        }
    }

    private struct Source
    {
        public PacketBuffer? Symbol;
        public long PacketNumber;
        public Timestamp Deadline;
        public bool IsOpen;
    }
}

/// <summary>What becomes of a source whose packet is lost.</summary>
internal enum LostSource
{
    /// <summary>Nothing here: its streams send it again, or nobody does.</summary>
    Dropped,

    /// <summary>A repair of it alone leaves.</summary>
    Repeated,

    /// <summary>Nothing, since it could not arrive in time.</summary>
    Late,
}
