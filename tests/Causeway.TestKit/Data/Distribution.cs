using System.Runtime.InteropServices;

namespace Causeway.TestKit;

/// <summary>Samples, all of them kept, and what share of them lies below a value. Not synchronised.</summary>
public sealed class Distribution
{
    private readonly List<long> _samples = [];
    private bool _isSorted = true;

    /// <summary>Samples so far.</summary>
    public int Count => _samples.Count;

    /// <summary>The largest sample; 0 if there is none.</summary>
    public long Max => Percentile(100);

    /// <summary>Takes a sample.</summary>
    public void Add(long sample)
    {
        _samples.Add(sample);
        _isSorted = false;
    }

    /// <summary>Forgets all samples.</summary>
    public void Clear()
    {
        _samples.Clear();
        _isSorted = true;
    }

    /// <summary>
    /// The smallest sample that at least <paramref name="percent"/> of all samples do not exceed (the nearest rank, never a
    /// value between two samples); 0 if there is none.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="percent"/> is not from 0 to 100.</exception>
    public long Percentile(double percent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(percent, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        if (_samples.Count == 0)
        {
            return 0;
        }

        if (!_isSorted)
        {
            CollectionsMarshal.AsSpan(_samples).Sort();
            _isSorted = true;
        }

        // In decimal: 99.9 % of a thousand are 999, and a binary fraction would make it a little more.
        int rank = (int)Math.Ceiling((decimal)percent / 100 * _samples.Count);
        return _samples[Math.Max(0, rank - 1)];
    }
}
