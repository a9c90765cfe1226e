using System.Diagnostics.CodeAnalysis;
using Causeway.Protocol;

namespace Causeway.TestKit;

/// <summary>
/// A <see cref="TimeProvider"/> whose time is a <see cref="VirtualClock"/>: its timers fire when a test advances it, each
/// at the instant it is due, in order of due time and then of arming. For tests of drivers, which take a time provider.
/// </summary>
/// <remarks>
/// <para>
/// Callbacks run on the thread that advances, one after the other, outside all locks; they may arm, change and dispose
/// timers. Timers may be armed from any thread at any time: one that is due at once fires in the next advance, never inside the call
/// that arms it.
/// </para>
/// <para>
/// What code under test does on other threads is not waited for: after an advance, await a result of that code before
/// the next one.
/// </para>
/// </remarks>
public sealed class VirtualTimeProvider : TimeProvider
{
    // A timer that is due again at once each time it fires would keep an advance from ever ending.
    private const int MaxFiringsPerInstant = 10_000;

    private readonly Lock _gate = new();
    private readonly PriorityQueue<Armed, (long Due, long Order)> _timers = new();
    private readonly DateTimeOffset _epoch;
    private long _order;

    /// <summary>Makes a provider with a clock of its own that starts at the year 2000.</summary>
    public VirtualTimeProvider()
        : this(new VirtualClock())
    {
    }

    /// <summary>Makes a provider that shows the time of <paramref name="clock"/>.</summary>
    /// <param name="clock">The clock, perhaps that of a <see cref="SimulatedNetwork"/>.</param>
    /// <param name="epoch">The wall-clock time at the clock's origin; the start of the year 2000 (UTC) unless given.</param>
    public VirtualTimeProvider(VirtualClock clock, DateTimeOffset? epoch = null)
    {
        ArgumentNullException.ThrowIfNull(clock);
        Clock = clock;
        _epoch = epoch ?? new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    }

    /// <summary>The clock behind this provider.</summary>
    public VirtualClock Clock { get; }

    /// <summary>When the next timer is due, or <see cref="Timestamp.Never"/>.</summary>
    public Timestamp NextTimer
    {
        get
        {
            lock (_gate)
            {
                return PeekArmed(out _, out long due) ? new Timestamp(due) : Timestamp.Never;
            }
        }
    }

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>A timestamp is a microsecond.</summary>
    public override long TimestampFrequency => 1_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp() => Clock.Now.Microseconds;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => _epoch + (Clock.Now - Timestamp.Zero);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        VirtualTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves the time forward by a duration and fires what comes due on the way.</summary>
    public void Advance(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        AdvanceTo(Clock.Now + duration);
    }

    /// <summary>Moves the time forward to <paramref name="time"/> and fires what comes due on the way.</summary>
    /// <exception cref="InvalidOperationException">Timers keep coming due at one instant.</exception>
    public void AdvanceTo(Timestamp time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, Clock.Now);
        int firings = 0;
        while (TryTakeDue(time, out VirtualTimer? timer, out Timestamp due))
        {
            if (due > Clock.Now)
            {
                firings = 0;
                Clock.AdvanceTo(due);
            }
            else if (++firings > MaxFiringsPerInstant)
            {
                throw new InvalidOperationException(
                    $"More than {MaxFiringsPerInstant} timers came due at {Clock.Now.Microseconds} us without the time moving.");
            }

            timer.Fire();
        }

        Clock.AdvanceTo(time);
    }

    /// <summary>Moves the time to the next timer and fires all that are due then.</summary>
    /// <returns>Whether there was one.</returns>
    public bool AdvanceToNextTimer()
    {
        Timestamp next = NextTimer;
        if (next.IsNever)
        {
            return false;
        }

        AdvanceTo(Timestamp.Max(next, Clock.Now));
        return true;
    }

    private bool TryTakeDue(Timestamp limit, [NotNullWhen(true)] out VirtualTimer? timer, out Timestamp due)
    {
        lock (_gate)
        {
            if (!PeekArmed(out timer, out long at) || at > limit.Microseconds)
            {
                due = Timestamp.Never;
                return false;
            }

            _timers.Dequeue();
            due = new Timestamp(at);
            timer.Rearm(at);
            return true;
        }
    }

    // Entries of timers that were changed or disposed since they were armed stay in the heap until they come to its top.
    private bool PeekArmed([NotNullWhen(true)] out VirtualTimer? timer, out long due)
    {
        while (_timers.TryPeek(out Armed armed, out (long Due, long Order) key))
        {
            if (armed.Timer.Generation == armed.Generation)
            {
                timer = armed.Timer;
                due = key.Due;
                return true;
            }

            _timers.Dequeue();
        }

        timer = null;
        due = 0;
        return false;
    }

    private void Arm(VirtualTimer timer, long due) =>
        _timers.Enqueue(new Armed(timer, timer.Generation), (due, _order++));

    private readonly record struct Armed(VirtualTimer Timer, long Generation);

    private sealed class VirtualTimer : ITimer
    {
        private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

        private readonly VirtualTimeProvider _provider;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private long _period;
        private bool _disposed;

        public VirtualTimer(VirtualTimeProvider provider, TimerCallback callback, object? state)
        {
            _provider = provider;
            _callback = callback;
            _state = state;
        }

        public long Generation { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Validate(dueTime, nameof(dueTime));
            Validate(period, nameof(period));
            lock (_provider._gate)
            {
                if (_disposed)
                {
                    return false;
                }

                Generation++;
                _period = period <= TimeSpan.Zero ? 0 : Microseconds(period);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    _provider.Arm(this, _provider.Clock.Now.Microseconds + Microseconds(dueTime));
                }

                return true;
            }
        }

        public void Rearm(long firedAt)
        {
            if (_period > 0)
            {
                _provider.Arm(this, firedAt + _period);
            }
            else
            {
                Generation++;
            }
        }

        public void Fire() => _callback(_state);

        public void Dispose()
        {
            lock (_provider._gate)
            {
                _disposed = true;
                Generation++;
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        // Rounded up: a timer never fires early.
        private static long Microseconds(TimeSpan duration) =>
            (duration.Ticks + TimeSpan.TicksPerMicrosecond - 1) / TimeSpan.TicksPerMicrosecond;

        private static void Validate(TimeSpan duration, string name)
        {
            if (duration != Timeout.InfiniteTimeSpan)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero, name);
                ArgumentOutOfRangeException.ThrowIfGreaterThan(duration, s_longest, name);
            }
        }
    }
}
