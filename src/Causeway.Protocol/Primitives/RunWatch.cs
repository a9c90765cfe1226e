namespace Causeway.Protocol;

/// <summary>
/// Finds times in which this side did not run: a process that was stopped, a machine that slept. Nothing that the peer did in
/// such a time could be heard, so no clock that judges it may count it. A mutable struct.
/// </summary>
internal struct RunWatch()
{
    /// <summary>Shorter ones are a busy machine's, and part of any path.</summary>
    public const long LeastGap = 1_000_000;

    /// <summary>When this side last ran.</summary>
    public Timestamp RanAt { get; private set; } = Timestamp.LongAgo;

    /// <summary>Whether the last call is so long ago that <see cref="Gap"/> is worth a look.</summary>
    public readonly bool IsSuspicious(Timestamp now) => now.MicrosecondsSince(RanAt) >= LeastGap;

    /// <summary>How long this side has not run although it was due to, in microseconds; 0 if it was not long.</summary>
    /// <param name="due">When it was to run at the latest, by what it knew when it last did.</param>
    /// <param name="now">The time.</param>
    public readonly long Gap(Timestamp due, Timestamp now)
    {
        long gap = due.IsNever ? 0 : now.MicrosecondsSince(Timestamp.Max(due, RanAt));
        return gap >= LeastGap ? gap : 0;
    }

    /// <summary>This side runs.</summary>
    public void OnRun(Timestamp now) => RanAt = now;
}
