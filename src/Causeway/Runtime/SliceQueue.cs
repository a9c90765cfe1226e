namespace Causeway.Runtime;

/// <summary>A queue of received slices in a ring that grows and is reused. Not thread-safe.</summary>
internal sealed class SliceQueue
{
    private PacketSlice[] _items = [];
    private int _head;
    private int _count;

    public bool IsEmpty => _count == 0;

    public int Count => _count;

    /// <summary>Adds a slice and takes its reference over.</summary>
    public void Enqueue(PacketSlice slice)
    {
        if (_count == _items.Length)
        {
            Grow();
        }

        _items[(_head + _count++) & (_items.Length - 1)] = slice;
    }

    /// <summary>Copies from the first slice, and releases it if that was all of it.</summary>
    /// <returns>Bytes copied.</returns>
    public int CopyTo(Span<byte> destination)
    {
        ref PacketSlice first = ref _items[_head];
        int count = Math.Min(first.Length, destination.Length);
        first.Span[..count].CopyTo(destination);
        if (count == first.Length)
        {
            first.Release();
            first = default;
            _head = (_head + 1) & (_items.Length - 1);
            _count--;
        }
        else
        {
            first = first.Skip(count);
        }

        return count;
    }

    /// <summary>Releases everything.</summary>
    /// <returns>Bytes that were in the queue.</returns>
    public int ReleaseAll()
    {
        int bytes = 0;
        for (; _count > 0; _count--)
        {
            bytes += _items[_head].Length;
            _items[_head].Release();
            _items[_head] = default;
            _head = (_head + 1) & (_items.Length - 1);
        }

        return bytes;
    }

    private void Grow()
    {
        PacketSlice[] larger = new PacketSlice[Math.Max(8, _items.Length * 2)];
        for (int i = 0; i < _count; i++)
        {
            larger[i] = _items[(_head + i) & (_items.Length - 1)];
        }

        _items = larger;
        _head = 0;
    }
}
