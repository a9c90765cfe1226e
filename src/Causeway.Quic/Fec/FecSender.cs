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
    // Sources with datagrams that were lost and wait to be repeated, at most: a round trip's losses of a fast flow.
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

    /// <summary>Sources with datagrams that were sent once more.</summary>
    public long Repeated { get; private set; }

    /// <summary>Sources with datagrams that were lost, and could not have arrived in time any more.</summary>
    public long Late { get; private set; }

    /// <summary>When a repair is due; Never if none is.</summary>
    public Timestamp DueAt
    {
        get
        {
            Timestamp due = _repeats.Count > 0 ? Timestamp.LongAgo : Open > 0 ? Schedule.DueAt : Timestamp.Never;
            return Timestamp.Max(due, _notBefore);
        }
    }

    /// <summary>Bytes of the longest symbol that a repair would cover now.</summary>
    public int SymbolLength => Longest(_first, NextSource);

    /// <summary>A source is about to leave; it has the number <see cref="NextSource"/> had.</summary>
    /// <param name="source">Its frames.</param>
    /// <param name="packetNumber">The packet that it is in.</param>
    /// <param name="hasDatagrams">Whether there are datagrams in it, which nobody else sends again.</param>
    /// <param name="deadline">When these are worthless; Never if they always matter.</param>
    public void Add(ReadOnlySpan<byte> source, long packetNumber, bool hasDatagrams, Timestamp deadline)
    {
        Forget(NextSource + 1 - _window);
        PacketBuffer symbol = _pool.Rent(headroom: 0);
        BinaryPrimitives.WriteUInt16BigEndian(symbol.Append(FecLimits.LengthSize), (ushort)source.Length);
        source.CopyTo(symbol.Append(source.Length));
        _ring[NextSource++ & _mask] = new Source
        {
            Symbol = symbol,
            PacketNumber = packetNumber,
            HasDatagrams = hasDatagrams,
            Deadline = deadline,
            IsOpen = true,
        };
        Open++;
    }

    /// <summary>The first source whose packet is known.</summary>
    public long FirstRemembered => Math.Max(0, NextSource - _ring.Length);

    /// <summary>The peer rebuilt a source: it needs no repair any more.</summary>
    /// <param name="id">The source, from <see cref="FirstRemembered"/> on.</param>
    /// <returns>Its packet; -1 if the peer has said so before.</returns>
    public long OnRebuilt(long id)
    {
        ref Source source = ref _ring[id & _mask];
        long number = source.IsReported ? -1 : source.PacketNumber;
        source.IsReported = true;
        OnArrived(id);
        return number;
    }

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

    /// <summary>
    /// The packet of a source is deemed lost, or that of its repetition, and the peer did not say that it was rebuilt. Datagrams go
    /// again while they can arrive in time, those without a deadline once; streams send theirs by themselves.
    /// </summary>
    /// <param name="id">The source.</param>
    /// <param name="arrivesAt">When a repair arrives that leaves now.</param>
    public void OnLost(long id, Timestamp arrivesAt)
    {
        if (!IsOpen(id))
        {
            return;
        }

        ref Source source = ref _ring[id & _mask];
        if (!source.HasDatagrams || source.Deadline < arrivesAt)
        {
            Late += source.HasDatagrams ? 1 : 0;
            OnArrived(id);
        }
        else if ((!source.IsRepeated || !source.Deadline.IsNever) && _repeats.Count < MostRepeats)
        {
            source.IsRepeated = true;
            _repeats.Enqueue(id);
        }
    }

    /// <summary>Writes a repair that is due.</summary>
    /// <param name="room">The rest of a packet.</param>
    /// <param name="overhead">Bytes of the packet around it.</param>
    /// <param name="arrivesAt">When it arrives.</param>
    /// <param name="now">The time.</param>
    /// <param name="repeated">The source that it repeats; -1 if it is parity.</param>
    /// <returns>Bytes; 0 if nothing is due, or there is no room for it.</returns>
    public int WriteRepair(Span<byte> room, int overhead, Timestamp arrivesAt, Timestamp now, out long repeated)
    {
        while (_repeats.TryPeek(out repeated))
        {
            bool isOpen = IsOpen(repeated);
            if (isOpen && _ring[repeated & _mask].Deadline >= arrivesAt)
            {
                int copy = Write(room, repeated, repeated + 1);
                if (copy > 0)
                {
                    _repeats.Dequeue();
                    Repeated++;
                    Schedule.OnRepeat(copy + overhead);
                }

                return copy;
            }

            _repeats.Dequeue();
            Late += isOpen ? 1 : 0;
            OnArrived(repeated);
        }

        repeated = -1;
        if (Open == 0 || !Schedule.IsDue(now))
        {
            return 0;
        }

        int written = Write(room, _first, NextSource);
        if (written > 0)
        {
            Schedule.OnRepair(written + overhead, now);
        }

        return written;
    }

    /// <summary>Whether acknowledgements have to come before a repair leaves.</summary>
    public bool IsPostponedForGood => _notBefore.IsNever;

    /// <summary>Nothing may leave before a time; Never if acknowledgements have to come first.</summary>
    public void Postpone(Timestamp until) => _notBefore = until;

    /// <summary>What is due cannot leave at all.</summary>
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
        public bool HasDatagrams;
        public bool IsOpen;
        public bool IsRepeated;
        public bool IsReported;
    }
}
