using System.Diagnostics;

namespace Causeway.Protocol;

/// <summary>A range of numbers: packet numbers, or offsets of bytes.</summary>
/// <param name="Start">The first number in it.</param>
/// <param name="End">The first number behind it.</param>
internal readonly record struct NumberRange(long Start, long End)
{
    /// <summary>How many numbers are in it.</summary>
    public long Length => End - Start;

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => End <= Start;
}

/// <summary>
/// A set of numbers as disjoint, ascending ranges that do not touch. It is made for few ranges, of which the last ones
/// change: adding there costs the same however many there are. An empty set holds no memory.
/// </summary>
/// <remarks>A mutable value: keep it in a field, and pass it by reference.</remarks>
internal struct RangeSet
{
    private NumberRange[]? _ranges;

    // Ranges are taken from the front, so that the first one moves along the array.
    private int _first;

    /// <summary>How many ranges it has.</summary>
    public int Count { get; private set; }

    /// <summary>Whether no number is in it.</summary>
    public readonly bool IsEmpty => Count == 0;

    /// <summary>A range, by its place in ascending order.</summary>
    public readonly NumberRange this[int index]
    {
        get
        {
            Debug.Assert((uint)index < (uint)Count, "no such range");
            return _ranges![_first + index];
        }
    }

    /// <summary>The ranges in ascending order. Valid until the set changes.</summary>
    public readonly ReadOnlySpan<NumberRange> Span => _ranges.AsSpan(_first, Count);

    /// <summary>Whether a number is in it.</summary>
    public readonly bool Contains(long number)
    {
        int index = FirstEndingBehind(number);
        return index < Count && this[index].Start <= number;
    }

    /// <summary>Adds the numbers of a range.</summary>
    /// <returns>How many of them were not in the set before.</returns>
    public long Add(long start, long end)
    {
        if (end <= start)
        {
            return 0;
        }

        // The ranges from "from" to "to" touch the new one and become one with it.
        int from = FirstEndingBehind(start - 1);
        int to = from;
        long covered = 0;
        NumberRange merged = new(start, end);
        while (to < Count && this[to].Start <= end)
        {
            NumberRange range = this[to];
            covered += Math.Max(0, Math.Min(range.End, end) - Math.Max(range.Start, start));
            merged = new NumberRange(Math.Min(merged.Start, range.Start), Math.Max(merged.End, range.End));
            to++;
        }

        Replace(from, to, merged);
        return end - start - covered;
    }

    /// <summary>Takes the numbers of a range out.</summary>
    public void Remove(long start, long end)
    {
        if (end <= start)
        {
            return;
        }

        int index = FirstEndingBehind(start);
        while (index < Count && this[index].Start < end)
        {
            NumberRange range = this[index];
            NumberRange before = new(range.Start, Math.Min(range.End, start));
            NumberRange behind = new(Math.Max(range.Start, end), range.End);
            if (before.IsEmpty && behind.IsEmpty)
            {
                RemoveAt(index);
                continue;
            }

            _ranges![_first + index] = before.IsEmpty ? behind : before;
            if (!before.IsEmpty && !behind.IsEmpty)
            {
                Insert(index + 1, behind);
            }

            index++;
        }
    }

    /// <summary>Takes the lowest range out.</summary>
    public void RemoveFirst() => RemoveAt(0);

    /// <summary>Empties the set and gives its memory up.</summary>
    public void Clear()
    {
        _ranges = null;
        _first = 0;
        Count = 0;
    }

    /// <summary>The place of the first range that ends behind a number; <see cref="Count"/> if none does.</summary>
    public readonly int FirstEndingBehind(long number)
    {
        // What changes is mostly at the end.
        if (Count == 0 || this[Count - 1].End <= number)
        {
            return Count;
        }

        int low = 0;
        int high = Count - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (this[middle].End > number)
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

    private void Replace(int from, int to, NumberRange range)
    {
        if (from == to)
        {
            Insert(from, range);
            return;
        }

        _ranges![_first + from] = range;
        int surplus = to - from - 1;
        if (surplus > 0)
        {
            _ranges.AsSpan(_first + to, Count - to).CopyTo(_ranges.AsSpan(_first + from + 1));
            Count -= surplus;
        }
    }

    private void Insert(int index, NumberRange range)
    {
        if (_ranges is null)
        {
            _ranges = new NumberRange[4];
        }
        else if (_first + Count == _ranges.Length)
        {
            NumberRange[] target = Count > _ranges.Length / 2 ? new NumberRange[2 * _ranges.Length] : _ranges;
            Span.CopyTo(target);
            _ranges = target;
            _first = 0;
        }

        _ranges.AsSpan(_first + index, Count - index).CopyTo(_ranges.AsSpan(_first + index + 1));
        _ranges[_first + index] = range;
        Count++;
    }

    private void RemoveAt(int index)
    {
        if (index == 0)
        {
            _first++;
        }
        else
        {
            _ranges.AsSpan(_first + index + 1, Count - index - 1).CopyTo(_ranges.AsSpan(_first + index));
        }

        if (--Count == 0)
        {
            _first = 0;
        }
    }
}
