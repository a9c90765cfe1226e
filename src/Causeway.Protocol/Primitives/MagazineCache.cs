using System.Diagnostics.CodeAnalysis;

namespace Causeway.Protocol;

/// <summary>
/// A cache of objects for threads that mostly take what other threads put: each thread has a magazine of its own, and full
/// and empty magazines are traded through a depot, so that the depot's lock is taken once for <see cref="MagazineSize"/>
/// objects (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). Allocates nothing in steady state.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as its pool; thread-local magazines die with their threads.")]
internal sealed class MagazineCache<T>
    where T : class
{
    private const int MagazineSize = 64;

    private readonly ThreadLocal<Magazine> _local = new(static () => new Magazine());
    private readonly Stack<T?[]> _full = new();
    private readonly Stack<T?[]> _empty = new();
    private readonly int _maxFull;

    /// <param name="maxIdle">About how many objects the depot keeps; beyond that they are left to the garbage collector.</param>
    public MagazineCache(int maxIdle) => _maxFull = Math.Max(1, maxIdle / MagazineSize);

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
        if (magazine.Count == MagazineSize)
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
            magazine.Count = MagazineSize;
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
                magazine.Items = _empty.TryPop(out T?[]? empty) ? empty : new T?[MagazineSize];
            }
            else
            {
                Array.Clear(magazine.Items);
            }

            magazine.Count = 0;
        }
    }

    private sealed class Magazine
    {
        public T?[] Items = new T?[MagazineSize];
        public int Count;
    }
}
