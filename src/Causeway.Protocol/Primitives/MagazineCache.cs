using System.Diagnostics.CodeAnalysis;

namespace Causeway.Protocol;

/// <summary>
/// A cache of objects for threads that mostly take what other threads put: each thread has a magazine of its own, and full
/// and empty magazines are traded through a depot, so that the depot's lock is taken once for a whole magazine of
/// objects (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Allocates nothing in steady state.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as its pool; thread-local magazines die with their threads.")]
internal sealed class MagazineCache<T>
    where T : class
{
    private readonly ThreadLocal<Magazine> _local;
    private readonly Stack<T?[]> _full = new();
    private readonly Stack<T?[]> _empty = new();
    private readonly int _magazineSize;
    private readonly int _maxFull;

    /// <param name="magazineSize">Objects that a thread keeps to itself at most.</param>
    /// <param name="maxIdle">About how many objects the depot keeps; beyond that they are left to the garbage collector.</param>
    public MagazineCache(int magazineSize, int maxIdle)
    {
        _magazineSize = magazineSize;
        _maxFull = maxIdle / magazineSize;
        _local = new ThreadLocal<Magazine>(() => new Magazine(magazineSize));
    }

    /// <summary>An object that was put, or null.</summary>
    public T? TryTake()
    {
        Magazine magazine = _local.Value!;
        if (magazine.Count == 0 && !TryRefill(magazine))
        {
            return null;
        }

        ref T? slot = ref magazine.Items[--magazine.Count];
        T? item = slot;
        slot = null;
        return item;
    }

    /// <summary>Keeps an object for a later taker.</summary>
    public void Put(T item)
    {
        Magazine magazine = _local.Value!;
        if (magazine.Count == _magazineSize)
        {
            Drain(magazine);
        }

        magazine.Items[magazine.Count++] = item;
    }

    private bool TryRefill(Magazine magazine)
    {
        lock (_full)
        {
            if (!_full.TryPop(out T?[]? full))
            {
                return false;
            }

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
                magazine.Items = _empty.TryPop(out T?[]? empty) ? empty : new T?[_magazineSize];
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
        public T?[] Items = new T?[size];
        public int Count;
    }
}
