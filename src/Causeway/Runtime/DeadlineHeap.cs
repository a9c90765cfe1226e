namespace Causeway.Runtime;

/// <summary>The connections of a shard by their next deadline: a binary heap in which each knows its place.</summary>
internal sealed class DeadlineHeap
{
    private CausewayConnection[] _items = new CausewayConnection[4];
    private int _count;

    /// <summary>The soonest deadline, or never.</summary>
    public Timestamp Next => _count == 0 ? Timestamp.Never : _items[0].Deadline;

    /// <summary>The connection whose deadline is <see cref="Next"/>.</summary>
    public CausewayConnection First => _items[0];

    /// <summary>Sets the deadline of a connection; never takes it out.</summary>
    public void Set(CausewayConnection connection, Timestamp deadline)
    {
        if (deadline.IsNever)
        {
            Remove(connection);
            return;
        }

        if (connection.HeapIndex < 0)
        {
            if (_count == _items.Length)
            {
                Array.Resize(ref _items, _count * 2);
            }

            connection.Deadline = deadline;
            Place(connection, _count++);
            Rise(connection.HeapIndex);
        }
        else if (connection.Deadline != deadline)
        {
            bool sooner = deadline < connection.Deadline;
            connection.Deadline = deadline;
            if (sooner)
            {
                Rise(connection.HeapIndex);
            }
            else
            {
                Sink(connection.HeapIndex);
            }
        }
    }

    /// <summary>Takes a connection out.</summary>
    public void Remove(CausewayConnection connection)
    {
        int index = connection.HeapIndex;
        if (index < 0)
        {
            return;
        }

        connection.HeapIndex = -1;
        connection.Deadline = Timestamp.Never;
        CausewayConnection last = _items[--_count];
        _items[_count] = null!;
        if (index < _count)
        {
            Place(last, index);
            Rise(index);
            Sink(last.HeapIndex);
        }
    }

    private void Rise(int index)
    {
        CausewayConnection item = _items[index];
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_items[parent].Deadline <= item.Deadline)
            {
                break;
            }

            Place(_items[parent], index);
            index = parent;
        }

        Place(item, index);
    }

    private void Sink(int index)
    {
        CausewayConnection item = _items[index];
        while ((2 * index) + 1 < _count)
        {
            int child = (2 * index) + 1;
            if (child + 1 < _count && _items[child + 1].Deadline < _items[child].Deadline)
            {
                child++;
            }

            if (item.Deadline <= _items[child].Deadline)
            {
                break;
            }

            Place(_items[child], index);
            index = child;
        }

        Place(item, index);
    }

    private void Place(CausewayConnection connection, int index)
    {
        _items[index] = connection;
        connection.HeapIndex = index;
    }
}
