using Causeway.Kcp.Wire;

namespace Causeway.Kcp.Arq;

/// <summary>
/// A doubly linked list through the segments themselves, so that adding and removing allocate nothing and take constant
/// time. A segment is in one list at most.
/// </summary>
internal sealed class TransmissionList
{
    private SendSegment? _lastInserted;

    public SendSegment? Head { get; private set; }

    public SendSegment? Tail { get; private set; }

    public int Count { get; private set; }

    /// <summary>Payload bytes of all members.</summary>
    public long Bytes { get; private set; }

    public void Append(SendSegment segment) => Insert(segment, Tail);

    /// <summary>
    /// Inserts roughly by sequence number: runs of ascending numbers stay together and an older run goes first, so that
    /// what the peer's reader waits for leaves first. Not a full sort, which could not take constant time.
    /// </summary>
    public void InsertBySequence(SendSegment segment)
    {
        SendSegment? after = Tail;
        if (_lastInserted is { } last && Sequence.IsBefore(last.Sequence, segment.Sequence)
            && (last.Next is null || Sequence.IsBefore(segment.Sequence, last.Next.Sequence)))
        {
            after = last;
        }
        else if (Head is not null && Sequence.IsBefore(segment.Sequence, Head.Sequence))
        {
            after = null;
        }

        Insert(segment, after);
        _lastInserted = segment;
    }

    public void Remove(SendSegment segment)
    {
        if (segment.Previous is null)
        {
            Head = segment.Next;
        }
        else
        {
            segment.Previous.Next = segment.Next;
        }

        if (segment.Next is null)
        {
            Tail = segment.Previous;
        }
        else
        {
            segment.Next.Previous = segment.Previous;
        }

        if (ReferenceEquals(_lastInserted, segment))
        {
            _lastInserted = segment.Previous;
        }

        segment.Previous = segment.Next = null;
        Count--;
        Bytes -= segment.Length;
    }

    /// <summary>Forgets all members without touching them.</summary>
    public void Clear()
    {
        Head = Tail = _lastInserted = null;
        Count = 0;
        Bytes = 0;
    }

    private void Insert(SendSegment segment, SendSegment? after)
    {
        SendSegment? before = after is null ? Head : after.Next;
        segment.Previous = after;
        segment.Next = before;
        if (after is null)
        {
            Head = segment;
        }
        else
        {
            after.Next = segment;
        }

        if (before is null)
        {
            Tail = segment;
        }
        else
        {
            before.Previous = segment;
        }

        Count++;
        Bytes += segment.Length;
    }
}
