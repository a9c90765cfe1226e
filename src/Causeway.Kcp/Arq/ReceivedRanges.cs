using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// The ranges of segments received above the cumulative acknowledgement that changed last, the newest first (RFC 2018
/// section 4). KCP acknowledges a segment once, and while a gap is open no cumulative acknowledgement makes up for a
/// lost datagram of them: the peer sends again what has arrived. Said again with each datagram of acknowledgements,
/// ranges tell all that the lost ones told.
/// </summary>
/// <remarks>
/// Invariant: the ranges are disjoint, and no two of them touch. What falls off the end is not known to be missing,
/// just not said again.
/// </remarks>
internal sealed class ReceivedRanges
{
    /// <summary>Room for the payload that tells them.</summary>
    public const int MostBytes = AckRanges.HeaderSize + (MostSent * AckRanges.RangeSize);

    // Two would do for lost datagrams of acknowledgements one by one, four outlast bursts of them.
    private const int MostSent = 4;

    // More than are sent, so that a range whose gap is repaired is found again, and grows instead of beginning anew.
    private const int MostKept = 16;

    private readonly (uint First, uint End)[] _ranges = new (uint, uint)[MostKept];
    private int _count;

    /// <summary>Notes a segment, whether it arrived for the first time or again.</summary>
    /// <param name="sequence">The segment.</param>
    /// <param name="next">Everything before it was received in order and is forgotten here.</param>
    public void Add(uint sequence, uint next)
    {
        Forget(next);
        uint first = sequence;
        uint end = unchecked(sequence + 1);
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            (uint First, uint End) range = _ranges[i];

            // By the invariant only neighbours of the segment itself touch what it grows into.
            if (Sequence.IsAfter(range.First, end) || Sequence.IsBefore(range.End, first))
            {
                _ranges[kept++] = range;
                continue;
            }

            first = Sequence.IsBefore(range.First, first) ? range.First : first;
            end = Sequence.IsAfter(range.End, end) ? range.End : end;
        }

        kept = Math.Min(kept, MostKept - 1);
        Array.Copy(_ranges, 0, _ranges, 1, kept);
        _ranges[0] = (first, end);
        _count = kept + 1;
    }

    /// <summary>Writes the newest ranges above the cumulative acknowledgement.</summary>
    /// <param name="next">The cumulative acknowledgement of the segment that carries them.</param>
    /// <param name="payload">At least <see cref="MostBytes"/>.</param>
    /// <returns>Bytes written; 0 if there is nothing to say.</returns>
    public int Write(uint next, Span<byte> payload)
    {
        Forget(next);
        int count = Math.Min(_count, MostSent);
        for (int i = 0; i < count; i++)
        {
            // One may reach back to the cumulative acknowledgement and beyond: that stands still while too much is
            // unread. No window is larger than a u16 tells.
            (uint first, uint end) = _ranges[i];
            int offset = Math.Max(0, Sequence.Difference(first, next));
            int length = Sequence.Difference(end, next) - offset;
            AckRanges.WriteRange(payload, i, (ushort)offset, (ushort)length);
        }

        if (count == 0)
        {
            return 0;
        }

        AckRanges.WriteHeader(payload, count);
        return AckRanges.SizeOf(count);
    }

    // Soon, too: one that were kept for half of all sequence numbers would seem to lie ahead again.
    private void Forget(uint next)
    {
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            if (Sequence.IsAfter(_ranges[i].End, next))
            {
                _ranges[kept++] = _ranges[i];
            }
        }

        _count = kept;
    }
}
