namespace Causeway.Runtime.Timers;

/// <summary>A timer of a <see cref="TimeProvider"/>.</summary>
internal sealed class ProviderTimer : ShardTimer
{
    private readonly ITimer _timer;

    public ProviderTimer(TimeProvider time, Action expired) => _timer = time.CreateTimer(
        static state => ((Action)state!)(), expired, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public override void Arm(long microseconds)
    {
        // Its grain is a millisecond: rounding up saves a turn that would find nothing due.
        long wait = Math.Clamp((microseconds + 999) / 1000, 1, int.MaxValue);
        _timer.Change(TimeSpan.FromMilliseconds(wait), Timeout.InfiniteTimeSpan);
    }

    public override ValueTask DisposeAsync() => _timer.DisposeAsync();
}
