namespace Causeway.Protocol;

/// <summary>
/// The datagrams of one flush, in the order in which they are to leave. Filled by sessions, emptied by a driver that
/// hands <see cref="Memory"/> to a link and then calls <see cref="ReleaseAll"/>.
/// </summary>
/// <remarks>
/// Buffers that nobody else holds stay with the batch for its next datagrams: those were written a moment ago and are still
/// in the processor's caches, which a pool that also serves what waits for acknowledgements would hand to somebody else.
/// </remarks>
public sealed class PacketBatch
{
    private readonly PacketBuffer[] _spare;
    private PacketBuffer[] _items;
    private int _spareCount;

    /// <summary>Makes a batch.</summary>
    /// <param name="limit">After how many datagrams a flush stops; parity that belongs to the last one may exceed
    /// it.</param>
    public PacketBatch(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        Limit = limit;
        _items = new PacketBuffer[limit + 16];
        _spare = new PacketBuffer[limit];
    }

    /// <summary>After how many datagrams a flush stops.</summary>
    public int Limit { get; }

    /// <summary>Datagrams in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a flush should stop.</summary>
    public bool IsFull => Count >= Limit;

    /// <summary>The datagrams.</summary>
    public ReadOnlyMemory<PacketBuffer> Memory => _items.AsMemory(0, Count);

    /// <summary>The datagrams.</summary>
    public ReadOnlySpan<PacketBuffer> Span => _items.AsSpan(0, Count);

    /// <summary>Adds a datagram and takes its reference over.</summary>
    public void Add(PacketBuffer datagram)
    {
        if (Count == _items.Length)
        {
            Array.Resize(ref _items, _items.Length * 2);
        }

        _items[Count++] = datagram;
    }

    /// <summary>Releases every datagram and empties the batch, keeping buffers of which it had the only reference.</summary>
    public void ReleaseAll()
    {
        Span<PacketBuffer> items = _items.AsSpan(0, Count);

        // What a burst left behind goes back to the pool a quarter at a time, while less is needed.
        KeepSpare(_spareCount - ((Math.Max(0, _spareCount - Count) + 3) / 4));
        foreach (PacketBuffer item in items)
        {
            if (_spareCount < _spare.Length && item.IsReusable)
            {
                _spare[_spareCount++] = item;
            }
            else
            {
                item.Release();
            }
        }

        items.Clear();
        Count = 0;
    }

    /// <summary>Moves every datagram to the end of another batch.</summary>
    public void MoveTo(PacketBatch other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (PacketBuffer item in Span)
        {
            other.Add(item);
        }

        _items.AsSpan(0, Count).Clear();
        Count = 0;
    }

    /// <summary>Gives the buffers that it keeps for later back to their pool.</summary>
    public void Trim() => KeepSpare(0);

    /// <summary>An empty buffer of the pool, if possible one that a datagram of this batch left in before.</summary>
    internal PacketBuffer Rent(PacketPool pool, int headroom)
    {
        while (_spareCount > 0)
        {
            PacketBuffer spare = _spare[--_spareCount];
            if (spare.Pool == pool)
            {
                spare.Reuse(headroom);
                return spare;
            }

            spare.Release();
        }

        return pool.Rent(headroom);
    }

    private void KeepSpare(int count)
    {
        while (_spareCount > count)
        {
            _spare[--_spareCount].Release();
        }
    }
}
