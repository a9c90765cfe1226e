using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>The time of a simulation. It stands still until somebody moves it, and never goes back.</summary>
/// <remarks>
/// One writer: the simulation that owns it. It may be read from any thread, since the code under test may run on the
/// thread pool.
/// </remarks>
public sealed class VirtualClock
{
    private long _now;

    /// <summary>Makes a clock that shows the origin.</summary>
    public VirtualClock()
        : this(Timestamp.Zero)
    {
    }

    /// <summary>Makes a clock that shows <paramref name="start"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="start"/> is never.</exception>
    public VirtualClock(Timestamp start)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(start.IsNever, true, nameof(start));
        _now = start.Microseconds;
    }

    /// <summary>What the clock shows.</summary>
    public Timestamp Now => new(Volatile.Read(ref _now));

    /// <summary>Moves the clock forward by a duration; less than a microsecond is dropped.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="duration"/> is negative.</exception>
    public void Advance(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        AdvanceTo(Now + duration);
    }

    /// <summary>Moves the clock forward to <paramref name="time"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="time"/> is never, or the clock shows a later time.</exception>
    public void AdvanceTo(Timestamp time)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(time.IsNever, true, nameof(time));
        ArgumentOutOfRangeException.ThrowIfLessThan(time, Now);
        Volatile.Write(ref _now, time.Microseconds);
    }
}
