using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Causeway.Protocol.Fec;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Fec;

/// <summary>
/// The receiving half of the FEC extension: remembers the latest sources, and rebuilds missing ones from repairs
/// (docs/wire/quic-fec.md, 6). Repairs that are not enough yet wait as equations, reduced to what is unknown (Gauss and Jordan).
/// </summary>
/// <remarks>
/// It holds at most one buffer for each source of its window and one for each of <see cref="MostRows"/> equations. A source costs
/// two operations on a row for each equation at most, a repair one for each source of the window and two for each equation.
/// </remarks>
internal sealed class FecReceiver : IDisposable
{
    /// <summary>Equations that wait at once: more losses than this within a window are beyond repair.</summary>
    public const int MostRows = 16;

    // So many runs of rebuilt sources are remembered, to know their packets when they come late.
    private const int MostRebuiltRuns = 64;

    private readonly PacketPool _pool;
    private readonly GaloisKernel _kernel = GaloisKernel.Best;
    private readonly Slot[] _slots;
    private readonly int _mask;
    private readonly Row[] _rows = new Row[MostRows];
    private readonly Queue<long> _rebuilt = new();
    private int _rowCount;
    private RangeSet _rebuiltIds;

    // The number behind the highest that was heard of.
    private long _end;

    /// <summary>Makes it, with nothing received.</summary>
    /// <param name="window">Sources that are remembered, as this end told the peer; 1 to 128.</param>
    /// <param name="pool">Where sources and equations are kept.</param>
    public FecReceiver(int window, PacketPool pool)
    {
        Window = window;
        _pool = pool;
        int size = 1;
        while (size < window)
        {
            size *= 2;
        }

        _slots = new Slot[size];
        _mask = size - 1;
        for (int i = 0; i < _rows.Length; i++)
        {
            _rows[i] = new Row { Coefficients = new byte[size] };
        }
    }

    /// <summary>The most sources that a repair may cover.</summary>
    public int Window { get; }

    /// <summary>Repairs that could not help: what they cover was there, or is forgotten.</summary>
    public long Useless { get; private set; }

    /// <summary>Rebuilt sources that make no sense: the peer's repairs were not sums of its sources.</summary>
    public long Invalid { get; private set; }

    /// <summary>Whether buffers may be held.</summary>
    public bool HoldsBuffers { get; private set; }

    /// <summary>Buffers that are held.</summary>
    public int Buffers
    {
        get
        {
            int count = _rowCount;
            foreach (ref readonly Slot slot in _slots.AsSpan())
            {
                count += slot.Symbol is null ? 0 : 1;
            }

            return count;
        }
    }

    /// <summary>What is to be done with the frames of a source whose packet arrived.</summary>
    public SourceFate FateOf(long id) =>
        _rebuiltIds.Contains(id) ? SourceFate.Rebuilt : id <= ForgottenRebuilt ? SourceFate.Unknown : SourceFate.New;

    private long ForgottenRebuilt { get; set; } = -1;

    /// <summary>A source arrived.</summary>
    public void Add(long id, ReadOnlySpan<byte> source)
    {
        Advance(id + 1);
        HoldsBuffers = true;
        if (id < Low || SlotOf(id).IsKnown)
        {
            return;
        }

        PacketBuffer symbol = _pool.Rent(headroom: 0);
        if (FecLimits.LengthSize + source.Length > symbol.Tailroom)
        {
            symbol.Release();
            return;
        }

        BinaryPrimitives.WriteUInt16BigEndian(symbol.Append(FecLimits.LengthSize), (ushort)source.Length);
        source.CopyTo(symbol.Append(source.Length));
        Know(id, symbol);
    }

    /// <summary>A repair arrived.</summary>
    /// <param name="repairId">Its number.</param>
    /// <param name="first">The first source that it covers.</param>
    /// <param name="count">How many, at most <see cref="Window"/>.</param>
    /// <param name="symbol">The sum.</param>
    public void AddRepair(long repairId, long first, int count, ReadOnlySpan<byte> symbol)
    {
        Debug.Assert(count <= Window, "checked before");
        Advance(first + count);
        HoldsBuffers = true;
        if (!IsUsable(first, count))
        {
            Useless++;
            return;
        }

        if (_rowCount == MostRows)
        {
            // The oldest is the least likely to be completed in time.
            Drop(0);
        }

        Row row = _rows[_rowCount];
        Array.Clear(row.Coefficients);
        row.Symbol = _pool.Rent(headroom: 0);
        if (symbol.Length > row.Symbol.Tailroom)
        {
            row.Symbol.Release();
            row.Symbol = null;
            Useless++;
            return;
        }

        symbol.CopyTo(row.Symbol.Append(symbol.Length));
        _rowCount++;
        for (long id = first; id < first + count; id++)
        {
            byte coefficient = CauchyCode.Coefficient(id, repairId);
            ref Slot slot = ref SlotOf(id);
            if (slot.IsKnown)
            {
                AddTo(row, coefficient, slot.Symbol!.Payload);
            }
            else
            {
                row.Coefficients[id & _mask] = coefficient;
            }
        }

        // What other equations have solved for is taken out of this one.
        for (int i = 0; i < _rowCount - 1; i++)
        {
            Eliminate(_rows[i], row);
        }

        ChoosePivot(row);
    }

    /// <summary>The next source that was rebuilt. The buffer stays the receiver's: retain what is kept.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="buffer">The buffer that holds it.</param>
    /// <param name="length">Its bytes, from <see cref="FecLimits.LengthSize"/> on; 0 if what was rebuilt is no source.</param>
    public bool TryTakeRebuilt(out long id, [NotNullWhen(true)] out PacketBuffer? buffer, out int length)
    {
        while (_rebuilt.TryDequeue(out id))
        {
            if (id < Low || SlotOf(id).Symbol is not { } symbol)
            {
                continue;
            }

            length = BinaryPrimitives.ReadUInt16BigEndian(symbol.Payload);
            bool isSource = length > 0 && length <= symbol.Length - FecLimits.LengthSize;
            Invalid += isSource ? 0 : 1;
            length = isSource ? length : 0;
            buffer = symbol;
            return true;
        }

        buffer = null;
        length = 0;
        return false;
    }

    /// <summary>Releases all buffers. Which sources were known stays known.</summary>
    public void ReleaseBuffers()
    {
        HoldsBuffers = false;
        while (_rowCount > 0)
        {
            Drop(_rowCount - 1);
        }

        foreach (ref Slot slot in _slots.AsSpan())
        {
            slot.Symbol?.Release();
            slot.Symbol = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => ReleaseBuffers();

    // The lowest number that is remembered; negative before there were as many.
    private long Low => _end - Window;

    private ref Slot SlotOf(long id) => ref _slots[id & _mask];

    /// <summary>Whether everything that a repair covers is unknown or at hand, and something of it unknown.</summary>
    private bool IsUsable(long first, int count)
    {
        if (first < Low)
        {
            return false;
        }

        bool hasUnknown = false;
        for (long id = first; id < first + count; id++)
        {
            ref Slot slot = ref SlotOf(id);
            if (slot is { IsKnown: true, Symbol: null })
            {
                return false;
            }

            hasUnknown |= !slot.IsKnown;
        }

        return hasUnknown;
    }

    /// <summary>Makes room for everything up to a number; what falls out is forgotten, with the equations over it.</summary>
    private void Advance(long end)
    {
        if (end <= _end)
        {
            return;
        }

        long last = Math.Min(end - Window, _end);
        for (long id = Low; id < last; id++)
        {
            ref Slot slot = ref SlotOf(id);
            for (int i = _rowCount - 1; i >= 0 && !slot.IsKnown; i--)
            {
                if (_rows[i].Coefficients[id & _mask] != 0)
                {
                    Drop(i);
                }
            }

            slot.Symbol?.Release();
            slot = default;
        }

        _end = end;
    }

    /// <summary>A source is there: no equation has to find it any more. Takes the buffer over.</summary>
    private void Know(long id, PacketBuffer symbol)
    {
        ref Slot slot = ref SlotOf(id);
        slot.IsKnown = true;
        slot.Symbol = symbol;
        int at = (int)(id & _mask);
        Row? former = null;
        for (int i = 0; i < _rowCount; i++)
        {
            Row row = _rows[i];
            byte coefficient = row.Coefficients[at];
            if (coefficient == 0)
            {
                continue;
            }

            AddTo(row, coefficient, symbol.Payload);
            row.Coefficients[at] = 0;
            former = row.Pivot == at ? row : former;
        }

        if (former is not null)
        {
            ChoosePivot(former);
        }

        FindSolved();
    }

    /// <summary>Solves an equation for one of its unknowns, and takes that out of all others. Drops it if it has none.</summary>
    private void ChoosePivot(Row row)
    {
        int pivot = row.Coefficients.AsSpan().IndexOfAnyExcept((byte)0);
        if (pivot < 0)
        {
            Useless++;
            Drop(Array.IndexOf(_rows, row));
            return;
        }

        byte inverse = CauchyCode.Inverse(row.Coefficients[pivot]);
        row.Pivot = pivot;
        Scale(row.Coefficients, inverse);
        Scale(row.Symbol!.Payload, inverse);
        for (int i = 0; i < _rowCount; i++)
        {
            if (!ReferenceEquals(_rows[i], row))
            {
                Eliminate(row, _rows[i]);
            }
        }

        FindSolved();
    }

    private void Eliminate(Row solved, Row other)
    {
        byte factor = other.Coefficients[solved.Pivot];
        if (factor == 0)
        {
            return;
        }

        _kernel.MultiplyAdd(factor, solved.Coefficients, other.Coefficients);
        AddTo(other, factor, solved.Symbol!.Payload);
    }

    // An equation with one unknown is the source. No other has that unknown.
    private void FindSolved()
    {
        for (int i = _rowCount - 1; i >= 0; i--)
        {
            Row row = _rows[i];
            if (row.Coefficients.AsSpan(row.Pivot + 1).ContainsAnyExcept((byte)0)
                || row.Coefficients.AsSpan(0, row.Pivot).ContainsAnyExcept((byte)0))
            {
                continue;
            }

            long id = Low + ((row.Pivot - Low) & _mask);
            ref Slot slot = ref _slots[row.Pivot];
            slot.IsKnown = true;
            slot.Symbol = row.Symbol;
            row.Symbol = null;
            Drop(i);
            _rebuilt.Enqueue(id);
            _rebuiltIds.Add(id, id + 1);
            while (_rebuiltIds.Count > MostRebuiltRuns)
            {
                ForgottenRebuilt = _rebuiltIds[0].End - 1;
                _rebuiltIds.RemoveFirst();
            }
        }
    }

    private void AddTo(Row row, byte coefficient, ReadOnlySpan<byte> symbol)
    {
        PacketBuffer sum = row.Symbol!;
        if (sum.Length < symbol.Length)
        {
            sum.Append(symbol.Length - sum.Length).Clear();
        }

        _kernel.MultiplyAdd(coefficient, symbol, sum.Payload[..symbol.Length]);
    }

    // c * x = x + (c + 1) * x, in place: the kernels add products and nothing else.
    private void Scale(Span<byte> row, byte factor)
    {
        if (factor != 1)
        {
            _kernel.MultiplyAdd((byte)(factor ^ 1), row, row);
        }
    }

    private void Drop(int index)
    {
        Row row = _rows[index];
        row.Symbol?.Release();
        row.Symbol = null;
        for (int i = index; i < _rowCount - 1; i++)
        {
            _rows[i] = _rows[i + 1];
        }

        _rows[--_rowCount] = row;
    }

    private struct Slot
    {
        public bool IsKnown;

        // Length and source; null if it is unknown, or was released.
        public PacketBuffer? Symbol;
    }

    private sealed class Row
    {
        // By slot. 0 for what is known or not covered.
        public required byte[] Coefficients { get; init; }

        public PacketBuffer? Symbol { get; set; }

        public int Pivot { get; set; }
    }
}

/// <summary>Whether the frames of a source were handled before its packet arrived.</summary>
internal enum SourceFate
{
    /// <summary>They were not.</summary>
    New,

    /// <summary>It was rebuilt, and they were.</summary>
    Rebuilt,

    /// <summary>It is too long ago to know: what must not be handled twice is not handled.</summary>
    Unknown,
}
