namespace Causeway.Protocol.Arq;

/// <summary>What became of a data segment.</summary>
internal enum Arrival
{
    /// <summary>It was the next one, and nothing waited for it.</summary>
    InOrder,

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
/// Received data in a ring indexed by sequence number: <c>read .. Next</c> is in order and unread, <c>Next .. Next +
/// limit</c> may hold what arrived out of order (spec 5.9).
/// </summary>
/// <remarks>
/// Invariant: at most <c>limit</c> segments are unread in order. Where that many wait, <c>Next</c> stands still even if
/// the following segment is there, since moving it would move the end of the window that the peer may fill.
/// </remarks>
internal sealed class ReceiveWindow(int limit, uint initialSequence, PayloadKeeper keeper)
{
    private readonly int _limit = limit;
    private Slot[] _slots = new Slot[64];
    private uint _read = initialSequence;
    private int _advertised = limit;

    /// <summary>Everything before this was received; the una of every segment that leaves.</summary>
    public uint Next { get; private set; } = initialSequence;

    public int UnreadCount => (int)unchecked(Next - _read);

    public int OutOfOrderCount { get; private set; }

    /// <summary>The peer should be told of the window: it was closed or nearly so, and room was made.</summary>
    public bool IsReportDue { get; private set; }

    /// <summary>Segments that may still come before the reader takes one; what segments that leave now tell.</summary>
    public int Free => _limit - UnreadCount;

    public void OnAdvertised(int free) => _advertised = free;

    public void RequestReport() => IsReportDue = true;

    public void OnReported() => IsReportDue = false;

    public Arrival Accept(uint sequence, PacketBuffer datagram, int offset, int length)
    {
        int ahead = Sequence.Difference(sequence, Next);
        if (ahead >= _limit)
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

        slot = new Slot(keeper.Keep(datagram, offset, length));
        bool hadGap = OutOfOrderCount > 0;
        OutOfOrderCount++;
        AdvanceNext();
        return ahead > 0 || hadGap ? Arrival.OutOfOrder : Arrival.InOrder;
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
            AdvanceNext();

            // Besides kcptun's rule (full before, not full now): a peer that last heard of a nearly closed window would
            // creep along in it for a round trip.
            IsReportDue |= (wasFull && Free > 0) || Free - _advertised >= Math.Max(2, _limit / 2);
            if (!slice.IsDefault)
            {
                keeper.Forget(slice);
                return true;
            }
        }

        slice = default;
        return false;
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
        keeper.Dispose();
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
