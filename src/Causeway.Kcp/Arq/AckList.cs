using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// Acknowledgements that wait for a flush, and when they have to leave. A ring that grows up to a limit, beyond which
/// the oldest entry is given up: a peer can repeat segments faster than they are answered.
/// </summary>
internal sealed class AckList(int limit, long delayMicroseconds)
{
    // Every second segment, as TCP does (RFC 5681 section 4.2).
    private const int Few = 2;

    // Among many segments a peer that expects it learns no less from one datagram of acknowledgements a millisecond, and both
    // ends wake up for fewer of them (draft-ietf-quic-ack-frequency). More than eight would be felt in what its window lets go.
    private const int Many = 8;
    private const long Interval = 1_000;

    // After a pause no other segment is likely to follow soon, only an answer that the application has ready. The sender of a
    // thin stream repeats what is not acknowledged a moment after it could have been.
    private const long Pause = 5_000;
    private const long DelayAfterPause = 250;

    private (uint Sequence, uint Time)[] _entries = new (uint, uint)[32];
    private int _head;
    private int _added;
    private int _enough = Few;
    private int _counted;
    private Timestamp _countedSince = Timestamp.LongAgo;
    private Timestamp _addedAt = Timestamp.LongAgo;

    public int Count { get; private set; }

    /// <summary>When a flush has to send them even if nothing else leaves; Never if there are none.</summary>
    public Timestamp DueAt { get; private set; } = Timestamp.Never;

    /// <summary>Adds an acknowledgement.</summary>
    /// <param name="sequence">What was received.</param>
    /// <param name="time">The timestamp to echo.</param>
    /// <param name="atOnce">
    /// The peer should know soon: the segment was a duplicate, out of order, or filled a gap.
    /// </param>
    /// <param name="mayGather">The peer does not mind that as many share a flush as arrive in a millisecond.</param>
    /// <param name="now">The time.</param>
    /// <returns>False if the oldest entry was given up for it.</returns>
    public bool Add(uint sequence, uint time, bool atOnce, bool mayGather, Timestamp now)
    {
        bool kept = true;
        if (Count == _entries.Length && !TryGrow())
        {
            Drop();
            kept = false;
        }

        _entries[(_head + Count++) & (_entries.Length - 1)] = (sequence, time);

        // Within a batch all share one flush anyway.
        _counted++;
        bool due = atOnce || delayMicroseconds == 0 || ++_added >= (mayGather ? _enough : Few);
        bool afterPause = mayGather && now.MicrosecondsSince(_addedAt) >= Pause;
        long delay = afterPause ? Math.Min(delayMicroseconds, DelayAfterPause) : delayMicroseconds;
        DueAt = due ? now : Timestamp.Min(DueAt, now.AddMicroseconds(delay));
        _addedAt = now;
        return kept;
    }

    /// <summary>
    /// The next entry to send. One that the cumulative acknowledgement covers is dropped unless it is the last, whose
    /// echo gives the peer its round-trip sample (docs/wire/kcptun.md 5.7.2).
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
    public void Pop() => Drop();

    /// <summary>All have been sent.</summary>
    public void EndFlush(Timestamp now)
    {
        Clear();
        long elapsed = now.MicrosecondsSince(_countedSince);
        if (elapsed >= Interval)
        {
            _enough = (int)Math.Clamp(_counted * Interval / elapsed, Few, Many);
            _counted = 0;
            _countedSince = now;
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
