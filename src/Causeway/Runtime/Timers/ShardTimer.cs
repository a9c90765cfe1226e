namespace Causeway.Runtime.Timers;

/// <summary>
/// Wakes a shard once, on the thread pool. Pacing, acknowledgements and probes count in single milliseconds, and the
/// timers of .NET come one to four of them late; where the system offers better ones, these are used.
/// </summary>
internal abstract class ShardTimer : IAsyncDisposable
{
    /// <summary>Makes the best timer there is for a clock.</summary>
    /// <param name="time">The clock; one of an application's own keeps its own timers.</param>
    /// <param name="expired">Called on the thread pool; once more, perhaps, while the timer is disposed.</param>
    public static ShardTimer Create(TimeProvider time, Action expired) =>
        time == TimeProvider.System && LinuxTimerQueue.Instance is { } queue
            ? new LinuxTimer(queue, expired)
            : new ProviderTimer(time, expired);

    /// <summary>Sets it to that many microseconds from now, in place of what it was set to.</summary>
    public abstract void Arm(long microseconds);

    public abstract ValueTask DisposeAsync();
}
