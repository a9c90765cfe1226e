using Causeway.Protocol;

namespace Causeway.TestKit.Tests;

public sealed class VirtualTimeTests
{
    private readonly VirtualTimeProvider _time = new();

    [Fact]
    public void ClockNeverGoesBack()
    {
        VirtualClock clock = new(Timestamp.FromMilliseconds(5));
        clock.Advance(TimeSpan.FromMicroseconds(1500));
        Assert.Equal(6500, clock.Now.Microseconds);
        Assert.Throws<ArgumentOutOfRangeException>(() => clock.AdvanceTo(new Timestamp(6499)));
        Assert.Throws<ArgumentOutOfRangeException>(() => clock.Advance(TimeSpan.FromTicks(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => clock.AdvanceTo(Timestamp.Never));
        Assert.Equal(6500, clock.Now.Microseconds);
    }

    [Fact]
    public void TimersFireInOrderEachAtItsInstant()
    {
        List<(string Name, long At)> fired = [];
        void Fire(object? name) => fired.Add(((string)name!, _time.Clock.Now.Microseconds));
        using ITimer late = _time.CreateTimer(Fire, "late", TimeSpan.FromMilliseconds(20), Timeout.InfiniteTimeSpan);
        using ITimer beat = _time.CreateTimer(Fire, "beat", TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(10));
        using ITimer same = _time.CreateTimer(Fire, "same", TimeSpan.FromMilliseconds(5), TimeSpan.Zero);
        using ITimer idle = _time.CreateTimer(Fire, "idle", Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Assert.Empty(fired);
        _time.Advance(TimeSpan.FromMilliseconds(26));
        Assert.Equal([("beat", 5000), ("same", 5000), ("beat", 15_000), ("late", 20_000), ("beat", 25_000)], fired);
        Assert.Equal(26_000, _time.GetTimestamp());
        Assert.Equal(35_000, _time.NextTimer.Microseconds);
    }

    [Fact]
    public void ChangedAndDisposedTimersDoNotFireAtTheirOldTime()
    {
        int fired = 0;
        ITimer timer = _time.CreateTimer(_ => fired++, null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        Assert.True(timer.Change(TimeSpan.FromMilliseconds(3), Timeout.InfiniteTimeSpan));
        _time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(0, fired);
        _time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(1, fired);
        Assert.True(timer.Change(TimeSpan.Zero, TimeSpan.FromMilliseconds(1)));
        Assert.Equal(1, fired);
        _time.Advance(TimeSpan.Zero);
        Assert.Equal(2, fired);
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, fired);
        Assert.True(_time.NextTimer.IsNever);
        Assert.False(_time.AdvanceToNextTimer());
    }

    [Fact]
    public void CallbacksMayArmTimersThatFireInTheSameAdvance()
    {
        List<long> fired = [];
        void Again(object? left)
        {
            fired.Add(_time.GetTimestamp());
            if ((int)left! > 0)
            {
                _time.CreateTimer(Again, (int)left - 1, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
            }
        }

        Again(3);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 1000, 2000, 3000], fired);
    }

    [Fact]
    public void TimersThatKeepComingDueAtOneInstantAreReported()
    {
        ITimer? timer = null;
        timer = _time.CreateTimer(
            _ => timer!.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan), null, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        Assert.Throws<InvalidOperationException>(() => _time.Advance(TimeSpan.FromMilliseconds(1)));
    }

    [Fact]
    public async Task DelaysAndTimeoutsOfTheFrameworkFollowTheVirtualTime()
    {
        Task delay = Task.Delay(TimeSpan.FromHours(1), _time);
        using CancellationTokenSource timeout = new(TimeSpan.FromHours(2), _time);
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.False(delay.IsCompleted);
        _time.Advance(TimeSpan.FromMinutes(1));
        await delay;
        Assert.False(timeout.IsCancellationRequested);
        Assert.True(_time.AdvanceToNextTimer());
        Assert.True(timeout.IsCancellationRequested);
        Assert.Equal(new DateTimeOffset(2000, 1, 1, 2, 0, 0, TimeSpan.Zero), _time.GetUtcNow());
        Assert.Equal(TimeSpan.FromHours(2), _time.GetElapsedTime(0));
    }

}
