using System.Diagnostics;

namespace Causeway.Quic.Streams;

/// <summary>
/// Bytes of a stream from the write to the acknowledgement, in pooled buffers, and which of them have to be sent (again).
/// Offsets count from the stream's beginning.
/// </summary>
internal struct SendBuffer
{
    // Every chunk but the last is full, so that an offset tells its chunk.
    private PacketBuffer?[]? _chunks;
    private int _first;
    private int _count;
    private long _base;

    // Acknowledged beyond the contiguous part, and lost.
    private RangeSet _acked;
    private RangeSet _lost;

    /// <summary>Bytes that were appended.</summary>
    public long End { get; private set; }

    /// <summary>Bytes that were sent once at least: everything before this offset.</summary>
    public long Sent { get; private set; }

    /// <summary>Everything before this offset was acknowledged.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Whether something is to be sent again.</summary>
    public readonly bool HasLost => !_lost.IsEmpty;

    /// <summary>Whether any byte left.</summary>
    public readonly bool HasBeenSent => Sent > 0;

    /// <summary>Whether something was appended and never sent.</summary>
    public readonly bool HasUnsent => Sent < End;

    /// <summary>Whether everything that was appended is acknowledged.</summary>
    public readonly bool IsAcknowledged => Acknowledged == End;

    /// <summary>Copies bytes to the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes, PacketPool pool)
    {
        End += bytes.Length;
        while (!bytes.IsEmpty)
        {
            PacketBuffer chunk = _count > 0 && Chunk(_count - 1).Tailroom > 0 ? Chunk(_count - 1) : AddChunk(pool);
            int count = Math.Min(bytes.Length, chunk.Tailroom);
            bytes[..count].CopyTo(chunk.Append(count));
            bytes = bytes[count..];
        }
    }

    /// <summary>What is to be sent next: lost bytes first, then new ones.</summary>
    /// <param name="most">The most bytes.</param>
    /// <param name="offset">Where they are.</param>
    /// <param name="length">How many they are; 0 if nothing is to be sent.</param>
    public readonly void Next(int most, out long offset, out int length)
    {
        if (!_lost.IsEmpty)
        {
            NumberRange range = _lost[0];
            offset = range.Start;
            length = (int)Math.Min(range.Length, most);
            return;
        }

        offset = Sent;
        length = (int)Math.Min(End - Sent, most);
    }

    /// <summary>Copies bytes that are not acknowledged yet.</summary>
    public readonly void Read(long offset, Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            // A frame of nothing but the end: there may be no buffer any more.
            return;
        }

        Debug.Assert(offset >= _base && offset + destination.Length <= End, "the bytes are not here");
        int size = _chunks![_first]!.Capacity;
        int index = (int)((offset - _base) / size);
        int start = (int)((offset - _base) % size);
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<byte> chunk = Chunk(index++).Payload[start..];
            int count = Math.Min(chunk.Length, destination.Length);
            chunk[..count].CopyTo(destination);
            destination = destination[count..];
            start = 0;
        }
    }

    /// <summary>Bytes left in a packet.</summary>
    public void OnSent(long offset, int length)
    {
        if (offset == Sent)
        {
            Sent += length;
        }
        else
        {
            _lost.Remove(offset, offset + length);
        }
    }

    /// <summary>Bytes were lost; those that arrived in another packet stay arrived.</summary>
    public void OnLost(long offset, int length)
    {
        long start = Math.Max(offset, Acknowledged);
        long end = offset + length;
        if (end <= start)
        {
            return;
        }

        _lost.Add(start, end);
        for (int i = _acked.FirstEndingBehind(start); i < _acked.Count && _acked[i].Start < end; i++)
        {
            _lost.Remove(_acked[i].Start, _acked[i].End);
        }
    }

    /// <summary>Bytes arrived; buffers that hold nothing else are released.</summary>
    /// <returns>How many of them had not been acknowledged before.</returns>
    public long OnAcknowledged(long offset, int length)
    {
        long start = Math.Max(offset, Acknowledged);
        long end = offset + length;
        if (end <= start)
        {
            return 0;
        }

        _lost.Remove(start, end);
        long added;
        if (start > Acknowledged)
        {
            added = _acked.Add(start, end);
        }
        else
        {
            added = end - start;
            Acknowledged = end;
            while (!_acked.IsEmpty && _acked[0].Start <= Acknowledged)
            {
                added -= Math.Min(_acked[0].End, end) - _acked[0].Start;
                Acknowledged = Math.Max(Acknowledged, _acked[0].End);
                _acked.RemoveFirst();
            }

            ReleaseChunks();
        }

        return added;
    }

    /// <summary>Nothing that was sent ever arrived, as far as this end has to assume: all goes again.</summary>
    public void OnAllLost()
    {
        if (Sent > Acknowledged)
        {
            OnLost(Acknowledged, (int)(Sent - Acknowledged));
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        while (_count > 0)
        {
            ReleaseFirst();
        }

        _chunks = null;
        _lost.Clear();
        _acked.Clear();
        Sent = End;
        Acknowledged = End;
    }

    private readonly PacketBuffer Chunk(int index) => _chunks![(_first + index) & (_chunks.Length - 1)]!;

    private PacketBuffer AddChunk(PacketPool pool)
    {
        if (_chunks is null)
        {
            _chunks = new PacketBuffer?[2];
        }
        else if (_count == _chunks.Length)
        {
            PacketBuffer?[] larger = new PacketBuffer?[2 * _count];
            for (int i = 0; i < _count; i++)
            {
                larger[i] = Chunk(i);
            }

            _chunks = larger;
            _first = 0;
        }

        PacketBuffer chunk = pool.Rent(headroom: 0);
        _chunks[(_first + _count++) & (_chunks.Length - 1)] = chunk;
        return chunk;
    }

    // The last chunk goes when all of it is acknowledged, even if it has room: an idle stream holds no buffer.
    private void ReleaseChunks()
    {
        while (_count > 0 && (_base + Chunk(0).Length <= Acknowledged))
        {
            ReleaseFirst();
        }
    }

    private void ReleaseFirst()
    {
        PacketBuffer chunk = Chunk(0);
        _base += chunk.Length;
        _chunks![_first] = null;
        _first = (_first + 1) & (_chunks.Length - 1);
        _count--;
        chunk.Release();
    }
}
