namespace Causeway.Benchmarks.Heap;

/// <summary>What the garbage collector of this process has counted.</summary>
/// <param name="Allocated">Bytes, on all threads.</param>
/// <param name="Generation0">Collections of generation 0 alone.</param>
/// <param name="Generation1">Collections of generations 0 and 1.</param>
/// <param name="Generation2">Collections of everything.</param>
internal readonly record struct HeapCounters(long Allocated, int Generation0, int Generation1, int Generation2)
{
    public static HeapCounters Now()
    {
        // A count of the runtime's includes the collections of older generations.
        int second = GC.CollectionCount(2);
        int first = GC.CollectionCount(1);
        return new HeapCounters(GC.GetTotalAllocatedBytes(precise: true), GC.CollectionCount(0) - first, first - second, second);
    }

    public static HeapCounters operator -(HeapCounters later, HeapCounters earlier) => new(
        later.Allocated - earlier.Allocated,
        later.Generation0 - earlier.Generation0,
        later.Generation1 - earlier.Generation1,
        later.Generation2 - earlier.Generation2);
}
