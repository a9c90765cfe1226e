using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Every segment from the oldest that the peer has not passed to the newest written, in a ring indexed by sequence
/// number: <c>Unacknowledged .. Next</c> were sent, <c>Next .. End</c> wait. Finding, adding and removing take constant
/// time.
/// </summary>
internal sealed class SendRing(PacketPool pool, int segmentSize, uint initialSequence)
{
    private const int LeastSlots = 16;

    private SendSegment?[] _slots = new SendSegment?[LeastSlots];
    private SendSegment? _free;

    public uint Unacknowledged { get; private set; } = initialSequence;

    public uint Next { get; private set; } = initialSequence;

    public uint End { get; private set; } = initialSequence;

    public int SentCount => (int)unchecked(Next - Unacknowledged);

    public int UnsentCount => (int)unchecked(End - Next);

    public int Count => (int)unchecked(End - Unacknowledged);

    public long UnsentBytes { get; private set; }

    /// <summary>Segments that it has room for before it grows.</summary>
    public int Capacity => _slots.Length;

    public SendSegment this[uint sequence] => _slots[Index(sequence)]!;

    /// <summary>Bytes that still fit into the newest segment, 0 if that has left already.</summary>
    public int TailRoom => UnsentCount == 0 ? 0 : segmentSize - this[unchecked(End - 1)].Length;

    /// <summary>Whether a segment was sent and the peer has not passed it.</summary>
    public bool WasSent(uint sequence) => unchecked(sequence - Unacknowledged) < (uint)SentCount;

    /// <summary>
    /// Copies bytes behind what waits, filling the newest segment before it starts another (docs/wire/kcptun.md 5.5).
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        UnsentBytes += bytes.Length;
        int fit = Math.Min(TailRoom, bytes.Length);
        if (fit > 0)
        {
            bytes[..fit].CopyTo(this[unchecked(End - 1)].Buffer!.Append(fit));
            bytes = bytes[fit..];
        }

        while (!bytes.IsEmpty)
        {
            int length = Math.Min(segmentSize, bytes.Length);
            bytes[..length].CopyTo(Add().Buffer!.Append(length));
            bytes = bytes[length..];
        }
    }

    /// <summary>Moves the oldest waiting segment over to the sent ones.</summary>
    public void AdvanceNext(SendSegment segment)
    {
        UnsentBytes -= segment.Length;
        Next++;
    }

    /// <summary>
    /// The first segment from a sent one on that was not acknowledged, or <see cref="Next"/>. Runs of acknowledged ones
    /// are skipped by what earlier calls found out, halving the way each time, so that to look for news in the same
    /// range again and again takes next to no time, however long it is.
    /// </summary>
    public uint SkipAcknowledged(uint sequence, out int steps)
    {
        steps = 1;
        while (Sequence.IsBefore(sequence, Next) && this[sequence] is { State: SendState.Acknowledged } segment)
        {
            steps++;
            if (Sequence.IsBefore(segment.SkipTo, Next) && this[segment.SkipTo] is { State: SendState.Acknowledged } further)
            {
                segment.SkipTo = further.SkipTo;
            }

            sequence = segment.SkipTo;
        }

        return sequence;
    }

    /// <summary>Forgets the oldest segment, which was sent and acknowledged.</summary>
    public void RemoveFirst()
    {
        int index = Index(Unacknowledged);
        SendSegment segment = _slots[index]!;
        _slots[index] = null;
        segment.Next = _free;
        _free = segment;
        Unacknowledged++;
    }

    /// <summary>Makes an empty ring as small as a new one.</summary>
    public void Trim()
    {
        if (Count == 0 && _slots.Length > LeastSlots)
        {
            _slots = new SendSegment?[LeastSlots];
            _free = null;
        }
    }

    /// <summary>Releases every payload.</summary>
    public void Clear()
    {
        for (uint sequence = Unacknowledged; sequence != End; sequence++)
        {
            this[sequence].Buffer?.Release();
        }

        Array.Clear(_slots);
        Unacknowledged = Next = End;
        UnsentBytes = 0;
        _free = null;
    }

    private SendSegment Add()
    {
        if (Count == _slots.Length)
        {
            Grow();
        }

        SendSegment segment = _free ?? new SendSegment();
        _free = segment.Next;
        segment.Next = null;
        segment.Buffer = pool.Rent(headroom: 0);
        segment.Sequence = End;
        segment.State = SendState.Unsent;
        segment.Transmissions = 0;
        segment.LostBy = LossReason.None;
        _slots[Index(End)] = segment;
        End++;
        return segment;
    }

    private void Grow()
    {
        SendSegment?[] larger = new SendSegment?[_slots.Length * 2];
        for (uint sequence = Unacknowledged; sequence != End; sequence++)
        {
            larger[(int)(sequence & (uint)(larger.Length - 1))] = _slots[Index(sequence)];
        }

        _slots = larger;
    }

    private int Index(uint sequence) => (int)(sequence & (uint)(_slots.Length - 1));
}
