namespace Causeway.Kcp.Arq;

/// <summary>Packs segments into datagrams, as many as fit, in the order they come (docs/wire/kcptun.md 5.7).</summary>
internal ref struct DatagramWriter(int maxDatagramSize)
{
    private Span<byte> _span;
    private int _used;

    /// <summary>Whether a datagram was begun.</summary>
    public readonly bool IsOpen => _used > 0;

    /// <summary>
    /// Room for one more segment, in this datagram or the next. False if the sink has no room for another datagram:
    /// then nothing was changed.
    /// </summary>
    public bool TryReserve<TSink>(scoped ref TSink sink, int size, out Span<byte> room)
        where TSink : IPacketSink, allows ref struct
    {
        if (_used + size > _span.Length)
        {
            Complete(ref sink);
            Span<byte> span = sink.GetSpan(maxDatagramSize);
            if (span.Length < size)
            {
                room = default;
                return false;
            }

            _span = span[..Math.Min(span.Length, maxDatagramSize)];
        }

        room = _span.Slice(_used, size);
        _used += size;
        return true;
    }

    /// <summary>Hands over the datagram that was begun.</summary>
    public void Complete<TSink>(scoped ref TSink sink)
        where TSink : IPacketSink, allows ref struct
    {
        if (_used > 0)
        {
            sink.Commit(_used);
        }

        _used = 0;
        _span = default;
    }
}
