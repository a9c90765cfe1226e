namespace Causeway.Quic.Paths;

/// <summary>
/// How many answers without a session may leave: so many in a second, and no more saved up than one second gives. Used by several
/// threads at once.
/// </summary>
internal sealed class AnswerBudget(int perSecond)
{
    private const long Second = 1_000_000;

    // The time until which all answers are used up, in microseconds times answers in a second, so that no fraction is lost.
    private long _usedUntil = long.MinValue;

    /// <summary>Takes one out, if there is one.</summary>
    public bool TryTake(Timestamp now)
    {
        long at = now.Microseconds * perSecond;
        while (true)
        {
            long used = Volatile.Read(ref _usedUntil);
            long next = Math.Max(used, at - (perSecond * Second)) + Second;
            if (next > at)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _usedUntil, next, used) == used)
            {
                return true;
            }
        }
    }
}
