namespace Causeway.Protocol;

/// <summary>
/// The datagrams of one flush, in the order in which they are to leave. Filled by sessions, emptied by a driver that
/// hands <see cref="Memory"/> to a link and then calls <see cref="ReleaseAll"/>.
/// </summary>
public sealed class PacketBatch
{
    private PacketBuffer[] _items;

    /// <summary>Makes a batch.</summary>
    /// <param name="limit">After how many datagrams a flush stops; parity that belongs to the last one may exceed
    /// it.</param>
    public PacketBatch(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        Limit = limit;
        _items = new PacketBuffer[limit + 16];
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

    /// <summary>Releases every datagram and empties the batch.</summary>
    public void ReleaseAll()
    {
        Span<PacketBuffer> items = _items.AsSpan(0, Count);
        foreach (PacketBuffer item in items)
        {
            item.Release();
        }

        items.Clear();
        Count = 0;
    }
}
