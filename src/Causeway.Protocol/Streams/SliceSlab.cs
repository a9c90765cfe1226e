namespace Causeway.Protocol.Streams;

/// <summary>A stream's place in a <see cref="SliceSlab"/>: a queue of slices.</summary>
internal struct SliceQueue
{
    /// <summary>
    /// Index of the first node plus one, or 0 if the queue is empty, so that <c>default</c> is an empty queue.
    /// </summary>
    public int First;

    /// <summary>Index of the last node plus one. Meaningless if the queue is empty.</summary>
    public int Last;

    /// <summary>Whether the queue has no slices.</summary>
    public readonly bool IsEmpty => First == 0;
}

/// <summary>
/// The slices of all queues of a session in one array of linked nodes: an idle stream costs two integers, a busy one
/// allocates nothing, and a session that ends finds every slice in one place.
/// </summary>
internal sealed class SliceSlab
{
    private Node[] _nodes = [];
    private int _used;
    private int _firstFree;

    /// <summary>Appends a slice and takes its reference over.</summary>
    public void Enqueue(ref SliceQueue queue, PacketSlice slice)
    {
        int node = Take();
        _nodes[node - 1] = new Node { Slice = slice };
        if (queue.IsEmpty)
        {
            queue.First = node;
        }
        else
        {
            _nodes[queue.Last - 1].Next = node;
        }

        queue.Last = node;
    }

    /// <summary>Moves all slices of another queue behind those of this one. The other must not be used any more.</summary>
    public void Append(ref SliceQueue queue, SliceQueue other)
    {
        if (queue.IsEmpty)
        {
            queue = other;
        }
        else if (!other.IsEmpty)
        {
            _nodes[queue.Last - 1].Next = other.First;
            queue.Last = other.Last;
        }
    }

    /// <summary>Takes the first slice out, with its reference.</summary>
    public bool TryDequeue(ref SliceQueue queue, out PacketSlice slice)
    {
        if (queue.IsEmpty)
        {
            slice = default;
            return false;
        }

        int node = queue.First;
        ref Node entry = ref _nodes[node - 1];
        slice = entry.Slice;
        queue.First = entry.Next;
        entry = new Node { Next = _firstFree };
        _firstFree = node;
        return true;
    }

    /// <summary>The last slice of a queue that is not empty.</summary>
    public ref PacketSlice Last(in SliceQueue queue) => ref _nodes[queue.Last - 1].Slice;

    /// <summary>Releases every slice of every queue. The queues must not be used any more.</summary>
    public void ReleaseAll()
    {
        foreach (ref Node node in _nodes.AsSpan(0, _used))
        {
            node.Slice.Release();
            node = default;
        }

        _used = 0;
        _firstFree = 0;
    }

    private int Take()
    {
        if (_firstFree != 0)
        {
            int node = _firstFree;
            _firstFree = _nodes[node - 1].Next;
            return node;
        }

        if (_used == _nodes.Length)
        {
            Array.Resize(ref _nodes, Math.Max(64, _used * 2));
        }

        return ++_used;
    }

    private struct Node
    {
        public PacketSlice Slice;
        public int Next;
    }
}
