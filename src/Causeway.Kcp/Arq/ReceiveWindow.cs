using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>What became of a data segment.</summary>
internal enum Arrival
{
    /// <summary>It was the next one, and nothing waited for it.</summary>
    InOrder,

    /// <summary>It came right after the newest so far, behind a gap that is known already.</summary>
    BehindGap,

    /// <summary>It left a gap before it, or filled one.</summary>
    OutOfOrder,

    /// <summary>
    /// It had been received before. Its acknowledgement may have been lost, so it is acknowledged again.
    /// </summary>
    Duplicate,

    /// <summary>It lies beyond the window and is not acknowledged.</summary>
    Beyond,
}

/// <summary>
/// Received data in a ring indexed by sequence number: <c>read .. Next</c> is in order and unread, and what follows may
/// hold what arrived out of order (docs/wire/kcptun.md 5.9).
/// </summary>
/// <remarks>
/// <para>
/// A window of a set size takes <c>Next .. Next + limit</c>. Invariant: at most <c>limit</c> segments are unread in
/// order. Where that many wait, <c>Next</c> stands still even if the following segment is there, since moving it would
/// move the end of the window that the peer may fill.
/// </para>
/// <para>
/// One that sets its size takes <c>Next .. edge</c>, the furthest that the peer was ever told. Room that was told is
/// not taken back (RFC 9293 section 3.8.6): a smaller window shows in an edge that stands still. Invariant: whatever
/// the peer sends, <c>edge - read</c> segments and what the layer above holds were within <c>limit</c> when told.
/// </para>
/// </remarks>
internal sealed class ReceiveWindow
{
    // The receive window of kcptun's client, so that a first second is no slower than there; and KCP's least.
    private const int FirstWindow = 512;
    private const int LeastWindow = 128;
    private const int LeastSlots = 16;

    // A closed window that memory elsewhere opens again is worth a report from here on.
    private const int ReportStep = LeastWindow / 2;

    private readonly int _limit;
    private readonly PayloadKeeper _keeper;
    private readonly WindowTuner? _tuner;
    private Slot[] _slots = new Slot[LeastSlots];
    private uint _read;

    // One beyond the newest segment that ever arrived.
    private uint _newest;
    private uint _edge;
    private int _window;
    private int _advertised;

    /// <summary>Makes an empty window.</summary>
    /// <param name="limit">Its size in segments, or the most that it may grow to, 1 to 65535.</param>
    /// <param name="initialSequence">The first segment that is expected.</param>
    /// <param name="keeper">Keeps the payloads.</param>
    /// <param name="isAutomatic">Whether it sets its size by what is read.</param>
    public ReceiveWindow(int limit, uint initialSequence, PayloadKeeper keeper, bool isAutomatic = false)
    {
        _limit = limit;
        _keeper = keeper;
        _tuner = isAutomatic ? new WindowTuner(FirstWindow, LeastWindow, limit) : null;
        _read = initialSequence;
        Next = initialSequence;
        _newest = initialSequence;
        _window = (int)(_tuner?.Window ?? limit);
        _edge = unchecked(initialSequence + (uint)_window);
        _advertised = _window;
    }

    /// <summary>Everything before this was received; the una of every segment that leaves.</summary>
    public uint Next { get; private set; }

    public int UnreadCount => (int)unchecked(Next - _read);

    public int OutOfOrderCount { get; private set; }

    /// <summary>Segments that its ring has room for before it grows.</summary>
    public int Capacity => _slots.Length;

    /// <summary>The peer should be told of the window: it was closed or nearly so, and room was made.</summary>
    public bool IsReportDue { get; private set; }

    /// <summary>Segments that may still come before the reader takes one; what segments that leave now tell.</summary>
    public int Free => _tuner is null
        ? _limit - UnreadCount
        : Math.Max(_window - UnreadCount, Sequence.Difference(_edge, Next));

    public void OnAdvertised(int free)
    {
        _advertised = free;
        uint edge = unchecked(Next + (uint)free);
        _edge = Sequence.IsAfter(edge, _edge) ? edge : _edge;
    }

    /// <summary>Sets the window by what was read. Does nothing to one of a set size.</summary>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">The round-trip time in microseconds, 0 if it is not known.</param>
    /// <param name="heldAbove">Segments that were read and still take up memory.</param>
    public void Tune(Timestamp now, long roundTrip, long heldAbove)
    {
        if (_tuner is not null)
        {
            _tuner.Update(now, roundTrip, UnreadCount);
            _window = (int)Math.Clamp(_limit - heldAbove, 0, _tuner.Window);
            NoteRoom(wasFull: false);
        }
    }

    public void RequestReport() => IsReportDue = true;

    public void OnReported() => IsReportDue = false;

    public Arrival Accept(uint sequence, PacketBuffer datagram, int offset, int length)
    {
        int ahead = Sequence.Difference(sequence, Next);
        if (ahead >= (_tuner is null ? _limit : Sequence.Difference(_edge, Next)))
        {
            return Arrival.Beyond;
        }

        if (ahead < 0)
        {
            return Arrival.Duplicate;
        }

        EnsureCapacity(UnreadCount + ahead + 1);
        ref Slot slot = ref _slots[Index(sequence)];
        if (slot.IsPresent)
        {
            return Arrival.Duplicate;
        }

        slot = new Slot(_keeper.Keep(datagram, offset, length));
        bool hadGap = OutOfOrderCount > 0;
        bool isNewest = sequence == _newest;
        _newest = Sequence.IsBefore(sequence, _newest) ? _newest : unchecked(sequence + 1);
        OutOfOrderCount++;
        _tuner?.OnArrived(1);
        AdvanceNext();
        return !isNewest ? Arrival.OutOfOrder : hadGap ? Arrival.BehindGap : Arrival.InOrder;
    }

    public bool TryRead(out PacketSlice slice)
    {
        while (UnreadCount > 0)
        {
            bool wasFull = Free == 0;
            ref Slot slot = ref _slots[Index(_read)];
            slice = slot.Slice;
            slot = default;
            _read++;
            _tuner?.OnTaken(1);
            AdvanceNext();
            NoteRoom(wasFull);
            if (!slice.IsDefault)
            {
                _keeper.Forget(slice);
                return true;
            }
        }

        slice = default;
        return false;
    }

    /// <summary>Makes an empty ring as small as a new one.</summary>
    public void Trim()
    {
        if (UnreadCount == 0 && OutOfOrderCount == 0 && _slots.Length > LeastSlots)
        {
            _slots = new Slot[LeastSlots];
        }
    }

    public void Clear()
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i].Slice.Release();
            _slots[i] = default;
        }

        _read = Next;
        OutOfOrderCount = 0;
        _keeper.Dispose();
    }

    // Besides kcptun's rule (full before, not full now): a peer that last heard of a nearly closed window would creep
    // along in it for a round trip.
    private void NoteRoom(bool wasFull)
    {
        int step = _tuner is not null && _advertised < ReportStep ? ReportStep : Math.Max(2, _window / 2);
        IsReportDue |= (wasFull && Free > 0) || Free - _advertised >= step;
    }

    private void AdvanceNext()
    {
        while (OutOfOrderCount > 0 && UnreadCount < _limit && _slots[Index(Next)].IsPresent)
        {
            OutOfOrderCount--;
            Next++;
        }
    }

    private void EnsureCapacity(int count)
    {
        if (count <= _slots.Length)
        {
            return;
        }

        // At most limit in order and as many beyond, so it never grows past 131072 slots.
        Slot[] larger = new Slot[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count)];
        for (int i = 0; i < _slots.Length; i++)
        {
            uint sequence = unchecked(_read + (uint)i);
            larger[(int)(sequence & (uint)(larger.Length - 1))] = _slots[Index(sequence)];
        }

        _slots = larger;
    }

    private int Index(uint sequence) => (int)(sequence & (uint)(_slots.Length - 1));

    private readonly struct Slot(PacketSlice slice)
    {
        public readonly PacketSlice Slice = slice;

        // An empty segment has no slice and takes its place in the sequence all the same.
        public readonly bool IsPresent = true;
    }
}
