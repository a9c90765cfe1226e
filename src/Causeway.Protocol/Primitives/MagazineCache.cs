using System.Diagnostics.CodeAnalysis;

namespace Causeway.Protocol;

/// <summary>
/// A cache of packet buffers for threads that mostly take what other threads put: each thread has a magazine of its own, and
/// full and empty magazines are traded through a depot, so that the depot's lock is taken once for a whole magazine of
/// buffers (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Allocates nothing in steady state.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as its pool; thread-local magazines die with their threads.")]
internal sealed class MagazineCache
{
    /// <summary>How many caches may live as long as the process.</summary>
    public const int LastingCaches = 2;

    // A thread's magazines of the caches that last. Finding one through a ThreadLocal takes longer than all the rest when
    // compiled ahead of time; but what is found here lives on with the thread, so that it must not belong to a cache that ends.
    [ThreadStatic]
    private static Magazine?[]? s_lasting;

    private readonly ThreadLocal<Magazine>? _local;
    private readonly int _lastingIndex;
    private readonly Stack<PacketBuffer?[]> _full = new();
    private readonly Stack<PacketBuffer?[]> _empty = new();
    private readonly int _magazineSize;
    private readonly int _maxFull;

    // The fewest full magazines since the last trim: nobody needed those.
    private int _leastFull;

    /// <param name="magazineSize">Buffers that a thread keeps to itself at most.</param>
    /// <param name="maxIdle">About how many buffers the depot keeps; beyond that they are left to the garbage collector.</param>
    /// <param name="lastingIndex">
    /// Of a cache that lives as long as the process: which one it is, below <see cref="LastingCaches"/>. Others: -1.
    /// </param>
    public MagazineCache(int magazineSize, int maxIdle, int lastingIndex)
    {
        _magazineSize = magazineSize;
        _maxFull = maxIdle / magazineSize;
        _lastingIndex = lastingIndex;
        _local = lastingIndex < 0 ? new ThreadLocal<Magazine>(() => new Magazine(magazineSize)) : null;
    }

    private Magazine Local => _local is { } local
        ? local.Value!
        : (s_lasting ??= new Magazine?[LastingCaches])[_lastingIndex] ??= new Magazine(_magazineSize);

    /// <summary>A buffer that was put, or null.</summary>
    public PacketBuffer? TryTake()
    {
        Magazine magazine = Local;
        if (magazine.Count == 0 && !TryRefill(magazine))
        {
            return null;
        }

        ref PacketBuffer? slot = ref magazine.Items[--magazine.Count];
        PacketBuffer? item = slot;
        slot = null;
        return item;
    }

    /// <summary>Keeps a buffer for a later taker.</summary>
    public void Put(PacketBuffer item)
    {
        Magazine magazine = Local;
        if (magazine.Count == _magazineSize)
        {
            Drain(magazine);
        }

        magazine.Items[magazine.Count++] = item;
    }

    /// <summary>Leaves what no taker needed since the last call to the garbage collector.</summary>
    /// <returns>How many buffers that is.</returns>
    public int Trim()
    {
        lock (_full)
        {
            int surplus = _leastFull;
            for (int i = 0; i < surplus; i++)
            {
                _full.Pop();
            }

            _leastFull = _full.Count;
            if (surplus > 0)
            {
                _full.TrimExcess();
                _empty.Clear();
                _empty.TrimExcess();
            }

            return surplus * _magazineSize;
        }
    }

    private bool TryRefill(Magazine magazine)
    {
        lock (_full)
        {
            if (!_full.TryPop(out PacketBuffer?[]? full))
            {
                return false;
            }

            _leastFull = Math.Min(_leastFull, _full.Count);
            _empty.Push(magazine.Items);
            magazine.Items = full;
            magazine.Count = _magazineSize;
            return true;
        }
    }

    private void Drain(Magazine magazine)
    {
        lock (_full)
        {
            if (_full.Count < _maxFull)
            {
                _full.Push(magazine.Items);
                magazine.Items = _empty.TryPop(out PacketBuffer?[]? empty) ? empty : new PacketBuffer?[_magazineSize];
            }
            else
            {
                Array.Clear(magazine.Items);
            }

            magazine.Count = 0;
        }
    }

    private sealed class Magazine(int size)
    {
        public PacketBuffer?[] Items = new PacketBuffer?[size];
        public int Count;
    }
}
