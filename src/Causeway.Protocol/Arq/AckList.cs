namespace Causeway.Protocol.Arq;

/// <summary>
/// Acknowledgements that wait for a flush, and when they have to leave. A ring that grows up to a limit, beyond which
/// the oldest entry is given up: a peer can repeat segments faster than they are answered.
/// </summary>
internal sealed class AckList(int limit, long delayMicroseconds)
{
    private (uint Sequence, uint Time)[] _entries = new (uint, uint)[32];
    private int _head;
    private int _added;

    public int Count { get; private set; }

    /// <summary>When a flush has to send them even if nothing else leaves; Never if there are none.</summary>
    public Timestamp DueAt { get; private set; } = Timestamp.Never;

    /// <summary>Adds an acknowledgement.</summary>
    /// <param name="sequence">What was received.</param>
    /// <param name="time">The timestamp to echo.</param>
    /// <param name="atOnce">
    /// The peer should know soon: the segment was a duplicate, out of order, or filled a gap.
    /// </param>
    /// <param name="now">The time.</param>
    /// <returns>False if the oldest entry was given up for it.</returns>
    public bool Add(uint sequence, uint time, bool atOnce, Timestamp now)
    {
        bool kept = true;
        if (Count == _entries.Length && !TryGrow())
        {
            Drop();
            kept = false;
        }

        _entries[(_head + Count++) & (_entries.Length - 1)] = (sequence, time);

        // Every second segment, as TCP does (RFC 5681 section 4.2): within a batch all share one flush anyway.
        bool due = atOnce || delayMicroseconds == 0 || ++_added >= 2;
        DueAt = due ? now : Timestamp.Min(DueAt, now.AddMicroseconds(delayMicroseconds));
        return kept;
    }

    /// <summary>
    /// The next entry to send. One that the cumulative acknowledgement covers is dropped unless it is the last, whose
    /// echo gives the peer its round-trip sample (spec 5.7.2).
    /// </summary>
    public bool TryPeek(uint receiveNext, out uint sequence, out uint time)
    {
        while (Count > 1 && Sequence.IsBefore(_entries[_head].Sequence, receiveNext))
        {
            Drop();
        }

        (sequence, time) = Count > 0 ? _entries[_head] : default;
        return Count > 0;
    }

    /// <summary>The entry last peeked at was sent.</summary>
    public void Pop()
    {
        Drop();
        if (Count == 0)
        {
            Clear();
        }
    }

    public void Clear()
    {
        Count = 0;
        _added = 0;
        DueAt = Timestamp.Never;
    }

    private void Drop()
    {
        _head = (_head + 1) & (_entries.Length - 1);
        Count--;
    }

    private bool TryGrow()
    {
        if (_entries.Length >= limit)
        {
            return false;
        }

        (uint, uint)[] larger = new (uint, uint)[_entries.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = _entries[(_head + i) & (_entries.Length - 1)];
        }

        _entries = larger;
        _head = 0;
        return true;
    }
}
