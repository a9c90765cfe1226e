using System.Diagnostics;
using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <summary>
/// Received bytes of a stream, in whatever order and however often they come: those in order wait to be read, the others for
/// what is missing before them. Slices of the received packets are kept, and only short ones are copied together.
/// </summary>
/// <remarks>
/// Bytes that arrived are never replaced: the first copy counts (RFC 9000, 2.2). What a peer can make it hold is bounded by flow
/// control in bytes and by <see cref="MostGaps"/> in pieces.
/// </remarks>
internal struct ReassemblyBuffer
{
    /// <summary>
    /// Gaps between what arrived; an honest peer has as many as packets got lost in one window. A frame that would make more is
    /// refused, and with it the connection: tiny frames with gaps between them cost more than they carry.
    /// </summary>
    public const int MostGaps = 4096;

    // Below this a slice of a packet costs more than a copy (see ReceiveMemory.CopyBelow).
    private const int CopyBelow = ReceiveMemory.CopyBelow;

    private SliceQueue _ready;
    private Run[]? _runs;
    private int _runCount;
    private PacketBuffer? _tail;

    /// <summary>Everything before this offset was read.</summary>
    public long ReadOffset { get; private set; }

    /// <summary>Everything before this offset arrived.</summary>
    public long ReadyEnd { get; private set; }

    /// <summary>Bytes that can be read.</summary>
    public readonly long Ready => ReadyEnd - ReadOffset;

    /// <summary>Pieces that wait for something before them.</summary>
    public readonly int GapCount => _runCount;

    /// <summary>Bytes that wait for something before them.</summary>
    public readonly long Waiting
    {
        get
        {
            long bytes = 0;
            for (int i = 0; i < _runCount; i++)
            {
                bytes += _runs![i].End - _runs[i].Start;
            }

            return bytes;
        }
    }

    /// <summary>Takes bytes in.</summary>
    /// <param name="slices">Where slices of all streams are queued.</param>
    /// <param name="pool">Where short pieces are copied to.</param>
    /// <param name="packet">The packet that they are a part of.</param>
    /// <param name="position">Where they begin in its payload.</param>
    /// <param name="offset">Their place in the stream.</param>
    /// <param name="length">How many they are.</param>
    /// <returns>False if there would be too many gaps; nothing was taken then.</returns>
    public bool TryAdd(SliceSlab slices, PacketPool pool, PacketBuffer packet, int position, long offset, int length)
    {
        long end = offset + length;
        if (offset < ReadyEnd)
        {
            int known = (int)Math.Min(ReadyEnd - offset, length);
            offset += known;
            position += known;
        }

        if (offset >= end)
        {
            return true;
        }

        if (offset == ReadyEnd && (_runCount == 0 || end <= _runs![0].Start))
        {
            Enqueue(slices, pool, ref _ready, packet, position, (int)(end - offset));
            ReadyEnd = end;
            JoinFirst(slices);
            return true;
        }

        return TryAddLater(slices, pool, packet, position, offset, end);
    }

    /// <summary>The next bytes in order. The caller owns the slice.</summary>
    public bool TryRead(SliceSlab slices, out PacketSlice slice)
    {
        if (!slices.TryDequeue(ref _ready, out slice))
        {
            return false;
        }

        ReadOffset += slice.Length;
        if (ReadOffset == ReadyEnd && _runCount == 0)
        {
            ReleaseTail();
        }

        return true;
    }

    /// <summary>Drops everything that was not read; offsets up to <paramref name="end"/> count as read.</summary>
    public void Discard(SliceSlab slices, long end)
    {
        Release(slices, ref _ready);
        for (int i = 0; i < _runCount; i++)
        {
            Release(slices, ref _runs![i].Slices);
        }

        _runCount = 0;
        _runs = null;
        ReleaseTail();
        ReadOffset = Math.Max(end, ReadyEnd);
        ReadyEnd = ReadOffset;
    }

    private static void Release(SliceSlab slices, ref SliceQueue queue)
    {
        while (slices.TryDequeue(ref queue, out PacketSlice slice))
        {
            slice.Release();
        }
    }

    // Fills the gaps that the bytes cover, one after the other.
    private bool TryAddLater(SliceSlab slices, PacketPool pool, PacketBuffer packet, int position, long offset, long end)
    {
        int index = FirstEndingBehind(offset);
        if (_runCount >= MostGaps && (index == _runCount || end < _runs![index].Start))
        {
            return false;
        }

        while (offset < end)
        {
            if (index < _runCount && _runs![index].Start <= offset)
            {
                int known = (int)Math.Min(_runs[index].End - offset, end - offset);
                offset += known;
                position += known;
                index++;
                continue;
            }

            long gapEnd = index < _runCount ? Math.Min(_runs![index].Start, end) : end;
            Fill(slices, pool, packet, position, offset, gapEnd, index);
            position += (int)(gapEnd - offset);
            offset = gapEnd;

            // The piece may have joined the runs on both sides of it, so that places have moved.
            index = FirstEndingBehind(offset);
        }

        JoinFirst(slices);
        return true;
    }

    /// <summary>Puts a piece into the gap before a run: behind the run before, before the run, or as a run of its own.</summary>
    private void Fill(SliceSlab slices, PacketPool pool, PacketBuffer packet, int position, long start, long end, int index)
    {
        int length = (int)(end - start);
        if (index > 0 && _runs![index - 1].End == start)
        {
            ref Run before = ref _runs[index - 1];
            Enqueue(slices, pool, ref before.Slices, packet, position, length);
            before.End = end;
            if (index < _runCount && _runs[index].Start == end)
            {
                slices.Append(ref before.Slices, _runs[index].Slices);
                before.End = _runs[index].End;
                RemoveRun(index);
            }

            return;
        }

        SliceQueue piece = default;
        Enqueue(slices, pool, ref piece, packet, position, length);
        if (start == ReadyEnd)
        {
            slices.Append(ref _ready, piece);
            ReadyEnd = end;
            return;
        }

        if (index < _runCount && _runs![index].Start == end)
        {
            ref Run behind = ref _runs[index];
            slices.Append(ref piece, behind.Slices);
            behind.Slices = piece;
            behind.Start = start;
            return;
        }

        InsertRun(index, new Run { Start = start, End = end, Slices = piece });
    }

    private void JoinFirst(SliceSlab slices)
    {
        while (_runCount > 0 && _runs![0].Start == ReadyEnd)
        {
            slices.Append(ref _ready, _runs[0].Slices);
            ReadyEnd = _runs[0].End;
            RemoveRun(0);
        }

        Debug.Assert(_runCount == 0 || _runs![0].Start > ReadyEnd, "what is in order does not wait");
    }

    private void Enqueue(SliceSlab slices, PacketPool pool, ref SliceQueue queue, PacketBuffer packet, int position, int length)
    {
        if (length >= CopyBelow)
        {
            slices.Enqueue(ref queue, packet.Slice(position, length));
            return;
        }

        ReadOnlySpan<byte> bytes = packet.Payload.Slice(position, length);
        while (!bytes.IsEmpty)
        {
            if (_tail is null || _tail.Tailroom == 0)
            {
                ReleaseTail();
                _tail = pool.Rent(headroom: 0);
            }

            int count = Math.Min(bytes.Length, _tail.Tailroom);
            int start = _tail.Length;
            bytes[..count].CopyTo(_tail.Append(count));
            slices.Enqueue(ref queue, _tail.Slice(start, count));
            bytes = bytes[count..];
        }
    }

    private readonly int FirstEndingBehind(long offset)
    {
        // Most of what comes after a loss goes behind everything else.
        if (_runCount == 0 || _runs![_runCount - 1].End <= offset)
        {
            return _runCount;
        }

        int low = 0;
        int high = _runCount - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_runs[middle].End > offset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    private void InsertRun(int index, Run run)
    {
        if (_runs is null)
        {
            _runs = new Run[4];
        }
        else if (_runCount == _runs.Length)
        {
            Array.Resize(ref _runs, 2 * _runCount);
        }

        _runs.AsSpan(index, _runCount - index).CopyTo(_runs.AsSpan(index + 1));
        _runs[index] = run;
        _runCount++;
    }

    private void RemoveRun(int index)
    {
        _runs.AsSpan(index + 1, _runCount - index - 1).CopyTo(_runs.AsSpan(index));
        _runs![--_runCount] = default;
    }

    private void ReleaseTail()
    {
        _tail?.Release();
        _tail = null;
    }

    private struct Run
    {
        public long Start;
        public long End;
        public SliceQueue Slices;
    }
}
