namespace Causeway.Runtime;

/// <summary>Items by their next deadline: a binary heap in which each knows its place.</summary>
internal sealed class DeadlineHeap<T>
    where T : class, IDeadlineItem
{
    private T[] _items = new T[4];
    private int _count;

    /// <summary>The soonest deadline, or never.</summary>
    public Timestamp Next => _count == 0 ? Timestamp.Never : _items[0].Deadline;

    /// <summary>The item whose deadline is <see cref="Next"/>.</summary>
    public T First => _items[0];

    /// <summary>Sets the deadline of an item; never takes it out.</summary>
    public void Set(T item, Timestamp deadline)
    {
        if (deadline.IsNever)
        {
            Remove(item);
            return;
        }

        if (item.HeapIndex < 0)
        {
            if (_count == _items.Length)
            {
                Array.Resize(ref _items, _count * 2);
            }

            item.Deadline = deadline;
            Place(item, _count++);
            Rise(item.HeapIndex);
        }
        else if (item.Deadline != deadline)
        {
            bool sooner = deadline < item.Deadline;
            item.Deadline = deadline;
            if (sooner)
            {
                Rise(item.HeapIndex);
            }
            else
            {
                Sink(item.HeapIndex);
            }
        }
    }

    /// <summary>Takes an item out.</summary>
    public void Remove(T item)
    {
        int index = item.HeapIndex;
        if (index < 0)
        {
            return;
        }

        item.HeapIndex = -1;
        item.Deadline = Timestamp.Never;
        T last = _items[--_count];
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
        T item = _items[index];
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
        T item = _items[index];
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

    private void Place(T item, int index)
    {
        _items[index] = item;
        item.HeapIndex = index;
    }
}
