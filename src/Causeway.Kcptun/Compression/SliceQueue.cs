using Causeway.Protocol;

namespace Causeway.Kcptun.Compression;

/// <summary>A run of bytes kept as the slices it arrived in. Owns a reference for each.</summary>
internal sealed class SliceQueue
{
    private PacketSlice[] _ring = new PacketSlice[16];
    private int _first;

    /// <summary>Slices held.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held.</summary>
    public int Length { get; private set; }

    /// <summary>The slice at an index, 0 being the oldest.</summary>
    public PacketSlice this[int index] => At(index);

    /// <summary>Appends a slice and takes its reference over.</summary>
    public void Enqueue(PacketSlice slice)
    {
        if (Count == _ring.Length)
        {
            Grow();
        }

        At(Count++) = slice;
        Length += slice.Length;
    }

    /// <summary>Takes the oldest slice out, with its reference.</summary>
    public bool TryDequeue(out PacketSlice slice)
    {
        if (Count == 0)
        {
            slice = default;
            return false;
        }

        slice = At(0);
        At(0) = default;
        _first = (_first + 1) & (_ring.Length - 1);
        Count--;
        Length -= slice.Length;
        return true;
    }

    /// <summary>Replaces the newest slice and releases it.</summary>
    public void ReplaceLast(PacketSlice slice)
    {
        ref PacketSlice last = ref At(Count - 1);
        Length += slice.Length - last.Length;
        last.Release();
        last = slice;
    }

    /// <summary>Copies bytes without taking them; the caller knows that there are enough.</summary>
    public void CopyTo(int offset, Span<byte> destination)
    {
        for (int i = 0; destination.Length > 0; i++)
        {
            ReadOnlySpan<byte> bytes = At(i).Span;
            if (offset >= bytes.Length)
            {
                offset -= bytes.Length;
                continue;
            }

            bytes = bytes[offset..];
            bytes = bytes[..Math.Min(bytes.Length, destination.Length)];
            bytes.CopyTo(destination);
            destination = destination[bytes.Length..];
            offset = 0;
        }
    }

    /// <summary>Moves the oldest bytes to another queue, sharing a buffer where the cut goes through a slice.</summary>
    public void MoveTo(SliceQueue target, int count)
    {
        while (count > 0)
        {
            if (At(0).Length <= count)
            {
                TryDequeue(out PacketSlice whole);
                count -= whole.Length;
                target.Enqueue(whole);
            }
            else
            {
                target.Enqueue(At(0).Share(0, count));
                SkipInFirst(count);
                count = 0;
            }
        }
    }

    /// <summary>Drops the oldest bytes.</summary>
    public void Discard(int count)
    {
        while (count > 0)
        {
            if (At(0).Length <= count)
            {
                TryDequeue(out PacketSlice whole);
                count -= whole.Length;
                whole.Release();
            }
            else
            {
                SkipInFirst(count);
                count = 0;
            }
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear() => Discard(Length);

    private void SkipInFirst(int count)
    {
        ref PacketSlice first = ref At(0);
        first = first.Skip(count);
        Length -= count;
    }

    private ref PacketSlice At(int index) => ref _ring[(_first + index) & (_ring.Length - 1)];

    private void Grow()
    {
        PacketSlice[] larger = new PacketSlice[_ring.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = At(i);
        }

        _ring = larger;
        _first = 0;
    }
}
