namespace Causeway.Protocol.Streams;

/// <summary>The received bytes of one stream that its application has not taken yet.</summary>
internal struct ReceiveBuffer
{
    private SliceQueue _queue;
    private PacketBuffer? _tail;
    private int _tailStart;
    private bool _tailOpen;
    private long _read;
    private long _memory;

    /// <summary>Bytes that wait to be read.</summary>
    public long Buffered { get; private set; }

    /// <summary>Bytes that were read and not yet reported as consumed.</summary>
    public readonly long Read => _read;

    /// <summary>Appends a payload in place and takes over the reference.</summary>
    public void AppendShared(ReceiveMemory memory, PacketSlice slice)
    {
        memory.Take(slice.Length);
        memory.Hold(slice.RetainedBytes);
        _memory += slice.RetainedBytes;
        Buffered += slice.Length;
        memory.Slices.Enqueue(ref _queue, slice);
        _tailOpen = false;
    }

    /// <summary>Appends a payload by copying it behind what was last copied.</summary>
    public void AppendCopied(ReceiveMemory memory, ReadOnlySpan<byte> payload)
    {
        memory.Take(payload.Length);
        Buffered += payload.Length;
        while (!payload.IsEmpty)
        {
            if (_tail is null || _tail.Tailroom == 0)
            {
                _tail?.Release();
                _tail = memory.Pool.Rent(headroom: 0);
                _tailOpen = false;
                memory.Hold(_tail.Capacity);
                _memory += _tail.Capacity;
            }

            int count = Math.Min(payload.Length, _tail.Tailroom);
            int start = _tail.Length;
            payload[..count].CopyTo(_tail.Append(count));
            if (_tailOpen)
            {
                // The entry grows in place and keeps its one reference; without headroom, offsets in the payload are
                // offsets in the array.
                memory.Slices.Last(_queue) = new PacketSlice(_tail, _tailStart, start + count - _tailStart);
            }
            else
            {
                memory.Slices.Enqueue(ref _queue, _tail.Slice(start, count));
                _tailStart = start;
                _tailOpen = true;
            }

            payload = payload[count..];
        }
    }

    /// <summary>The next bytes, with their reference.</summary>
    public bool TryRead(ReceiveMemory memory, out PacketSlice slice)
    {
        if (!memory.Slices.TryDequeue(ref _queue, out slice))
        {
            return false;
        }

        _tailOpen &= !_queue.IsEmpty;
        Buffered -= slice.Length;
        _read += slice.Length;
        return true;
    }

    /// <summary>Returns the tokens of bytes that were read; no more than are out.</summary>
    public void Consume(ReceiveMemory memory, int bytes)
    {
        long unconsumed = Buffered + _read;
        _read -= bytes;
        if (bytes == unconsumed)
        {
            memory.Return(bytes, _memory);
            _memory = 0;
            ReleaseTail();
        }
        else
        {
            long share = (long)(_memory * ((double)bytes / unconsumed));
            memory.Return(bytes, share);
            _memory -= share;
        }
    }

    /// <summary>Drops what is buffered and returns the tokens of everything, read or not.</summary>
    /// <returns>The bytes whose tokens were returned.</returns>
    public long Discard(ReceiveMemory memory)
    {
        while (memory.Slices.TryDequeue(ref _queue, out PacketSlice slice))
        {
            slice.Release();
        }

        long unconsumed = Buffered + _read;
        memory.Return(unconsumed, _memory);
        Buffered = 0;
        _read = 0;
        _memory = 0;
        ReleaseTail();
        return unconsumed;
    }

    /// <summary>Gives the partly filled compact buffer back. What was copied into it stays valid.</summary>
    public void ReleaseTail()
    {
        _tail?.Release();
        _tail = null;
        _tailOpen = false;
    }
}
