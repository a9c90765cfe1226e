namespace Causeway.Protocol.Streams;

/// <summary>
/// A bounded queue of outgoing bytes in pooled buffers, for drivers that have no memory of their own to send from. One
/// thread at a time, the session's.
/// </summary>
public sealed class BufferedStreamSource : IStreamSource, IDisposable
{
    private readonly PacketPool _pool;
    private readonly Queue<PacketBuffer> _buffers = [];
    private PacketBuffer? _last;

    /// <summary>Makes an empty source.</summary>
    /// <param name="pool">Where buffers come from. A frame is never larger than one of them.</param>
    /// <param name="capacity">Bytes that may wait, at least 1.</param>
    public BufferedStreamSource(PacketPool pool, int capacity = 65536)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _pool = pool;
        Capacity = capacity;
    }

    /// <summary>Bytes that may wait.</summary>
    public int Capacity { get; }

    /// <summary>Bytes that wait.</summary>
    public int Length { get; private set; }

    /// <summary>
    /// Copies as much of <paramref name="bytes"/> as there is room for. Then call
    /// <see cref="TransportStream.NotifyWritable"/>.
    /// </summary>
    /// <returns>The bytes taken.</returns>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        int taken = Math.Min(bytes.Length, Capacity - Length);
        ReadOnlySpan<byte> left = bytes[..taken];
        while (!left.IsEmpty)
        {
            if (_last is null || _last.Tailroom == 0)
            {
                _last = _pool.Rent(headroom: 0);
                _buffers.Enqueue(_last);
            }

            int count = Math.Min(left.Length, _last.Tailroom);
            left[..count].CopyTo(_last.Append(count));
            left = left[count..];
        }

        Length += taken;
        return taken;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Peek() => _buffers.TryPeek(out PacketBuffer? first) ? first.Payload : default;

    /// <inheritdoc/>
    public void Advance(int count)
    {
        if (count == 0)
        {
            return;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Length, nameof(count));
        PacketBuffer first = _buffers.Peek();
        first.Advance(count);
        Length -= count;
        if (first.Length == 0)
        {
            _buffers.Dequeue();
            _last = _buffers.Count == 0 ? null : _last;
            first.Release();
        }
    }

    /// <summary>Drops what waits.</summary>
    public void Dispose()
    {
        while (_buffers.TryDequeue(out PacketBuffer? buffer))
        {
            buffer.Release();
        }

        _last = null;
        Length = 0;
    }
}
