using System.Diagnostics;
using Causeway.Runtime.Timers;

namespace Causeway.Tests.Runtime;

/// <summary>Both timers of a shard: what they do, never how soon.</summary>
public sealed class ShardTimerTests
{
    private const long Hour = 3_600_000_000;
    private static readonly TimeProvider s_own = new OwnClock();

    public static TheoryData<bool> Kinds => new(LinuxTimerQueue.Instance is null ? [false] : [true, false]);

    [Fact]
    public async Task AnApplicationsClockKeepsItsTimers()
    {
        await using ShardTimer own = ShardTimer.Create(s_own, () => { });
        Assert.IsType<ProviderTimer>(own);
        await using ShardTimer system = ShardTimer.Create(TimeProvider.System, () => { });
        Assert.Equal(LinuxTimerQueue.Instance is not null, system is LinuxTimer);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ItGoesOffOnceForEachTimeItIsArmed(bool precise)
    {
        using SemaphoreSlim expired = new(0);
        await using ShardTimer timer = Make(precise, () => expired.Release());
        foreach (long wait in (long[])[0, 1, 200, 3_000, -5])
        {
            timer.Arm(wait);
            await expired.WaitAsync();
        }

        Assert.Equal(0, expired.CurrentCount);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ANewTimeTakesThePlaceOfTheOld(bool precise)
    {
        using SemaphoreSlim expired = new(0);
        await using ShardTimer timer = Make(precise, () => expired.Release());
        timer.Arm(Hour);
        timer.Arm(1_000);
        await expired.WaitAsync();
    }

    [Fact]
    public async Task APreciseOneIsNeverEarly()
    {
        if (LinuxTimerQueue.Instance is null)
        {
            return;
        }

        TaskCompletionSource<long> expired = new();
        await using ShardTimer timer = Make(precise: true, () => expired.TrySetResult(Stopwatch.GetTimestamp()));
        for (int wait = 1; wait < 2_000; wait += 97)
        {
            expired = new();
            long before = Stopwatch.GetTimestamp();
            timer.Arm(wait);
            Assert.InRange(Stopwatch.GetElapsedTime(before, await expired.Task).TotalMicroseconds, wait - 1, double.MaxValue);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ManyGoOff(bool precise)
    {
        const int Timers = 200;
        using CountdownEvent all = new(Timers);
        ShardTimer[] timers = [.. Enumerable.Range(0, Timers).Select(_ => Make(precise, () => all.Signal()))];
        Parallel.For(0, Timers, i => timers[i].Arm(i * 37 % 5_000));
        await Task.Run(all.Wait);
        foreach (ShardTimer timer in timers)
        {
            await timer.DisposeAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task OneThatIsDisposedLeavesTheOthers(bool precise)
    {
        using SemaphoreSlim expired = new(0);
        ShardTimer gone = Make(precise, () => Assert.Fail("It was disposed an hour before its time."));
        await using ShardTimer other = Make(precise, () => expired.Release());
        gone.Arm(Hour);
        other.Arm(2_000);
        await gone.DisposeAsync();
        await expired.WaitAsync();
    }

    private static ShardTimer Make(bool precise, Action expired) =>
        ShardTimer.Create(precise ? TimeProvider.System : s_own, expired);

    // Equal to the system's in all it does, and yet not the same: the shard takes its timers.
    private sealed class OwnClock : TimeProvider;
}
