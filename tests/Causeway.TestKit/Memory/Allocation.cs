namespace Causeway.TestKit;

/// <summary>Measures what code allocates, in a way that other threads of the process cannot falsify.</summary>
public static class Allocation
{
    /// <summary>
    /// Runs an action up to <paramref name="passes"/> times and gives the fewest bytes that one run allocated on this thread.
    /// It stops at the first run that allocated nothing.
    /// </summary>
    /// <remarks>
    /// A single run is no proof of an allocation: a collection that another thread starts takes away the unused rest of this
    /// thread's allocation context, and the runtime counts that rest as allocated. The first runs may also compile methods
    /// and grow pools. An allocation of the steady state shows in every run, so it shows in the least of them too.
    /// </remarks>
    /// <param name="passes">How often to run the action at most.</param>
    /// <param name="pass">Work that stays on the calling thread, long enough to reach each allocation it could make.</param>
    public static long Least(int passes, Action pass)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        ArgumentNullException.ThrowIfNull(pass);
        long least = long.MaxValue;
        for (int i = 0; i < passes && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            pass();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
