using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// Takes from buffer pools what a quiet minute did not need. The pools only let go of it: as long as nothing is allocated,
/// the collector has no reason to come by, so that it is asked to once a burst's worth has been given up.
/// </summary>
internal sealed class PoolKeeper
{
    /// <summary>Longer than the pauses of what is still one use; two of these are the quiet minute.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    // Less is not worth a collection, which looks at everything that is alive.
    private const long LeastToCollect = 8 << 20;

    private readonly Lock _lock = new();
    private readonly List<WeakReference<PacketPool>> _pools = [];
    private readonly TimeProvider _time;
    private readonly Action<long> _collect;
    private ITimer? _timer;
    private long _givenUp;

    public PoolKeeper(TimeProvider time, Action<long> collect)
    {
        _time = time;
        _collect = collect;
    }

    /// <summary>The process's own.</summary>
    public static PoolKeeper Shared { get; } = new(TimeProvider.System, Collect);

    /// <summary>Looks after a pool for as long as anybody uses it.</summary>
    public void Watch(PacketPool pool)
    {
        lock (_lock)
        {
            if (!_pools.Exists(known => known.TryGetTarget(out PacketPool? target) && target == pool))
            {
                _pools.Add(new WeakReference<PacketPool>(pool));
            }

            _timer ??= _time.CreateTimer(static state => ((PoolKeeper)state!).Trim(), this, Interval, Interval);
        }
    }

    // Only this kind gives memory back to the system, at the price of a pause that grows with what is alive: so where that is
    // most of the heap, it is left to the collections that come anyway.
    private static void Collect(long givenUp)
    {
        if (givenUp >= GC.GetTotalMemory(forceFullCollection: false) / 4)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
        else
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
        }
    }

    private void Trim()
    {
        long givenUp;
        lock (_lock)
        {
            long now = 0;
            for (int i = _pools.Count - 1; i >= 0; i--)
            {
                if (_pools[i].TryGetTarget(out PacketPool? pool))
                {
                    now += pool.Trim();
                }
                else
                {
                    _pools.RemoveAt(i);
                }
            }

            if (_pools.Count == 0)
            {
                _timer?.Dispose();
                _timer = null;
            }

            _givenUp += now;
            if (now >= LeastToCollect || _givenUp < LeastToCollect)
            {
                // Nothing worth while, or a burst that is just ending: once for all of it is enough.
                return;
            }

            givenUp = _givenUp;
            _givenUp = 0;
        }

        _collect(givenUp);
    }
}
