using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Causeway.Runtime.Timers;

/// <summary>
/// All precise timers of the process: one timerfd, set to the soonest of them, and one thread that sleeps in reading it.
/// Setting a timer is at most one system call, and wakes nobody before the time has come.
/// </summary>
internal sealed class LinuxTimerQueue
{
    private static readonly Lazy<LinuxTimerQueue?> s_instance = new(TryStart);

    private readonly Lock _lock = new();
    private readonly DeadlineHeap<LinuxTimer> _timers = new();
    private readonly SafeFileHandle _timer;
    private Timestamp _setTo = Timestamp.Never;

    private LinuxTimerQueue(SafeFileHandle timer) => _timer = timer;

    /// <summary>The queue, or null if the system has no such timers or allows none.</summary>
    public static LinuxTimerQueue? Instance => s_instance.Value;

    /// <summary>Time on the clock of the timers, which is that of <see cref="Stopwatch"/>.</summary>
    public static Timestamp Now => new((long)Stopwatch.GetElapsedTime(0).TotalMicroseconds);

    /// <summary>Sets a timer to go off at that time once, or never.</summary>
    public void Set(LinuxTimer timer, Timestamp at)
    {
        lock (_lock)
        {
            _timers.Set(timer, at);
            if (at < _setTo)
            {
                SetTo(at);
            }
        }
    }

    private static LinuxTimerQueue? TryStart()
    {
        if (!LinuxTimerApi.TryCreate(out SafeFileHandle? timer))
        {
            return null;
        }

        LinuxTimerQueue queue = new(timer);
        Thread thread = new(queue.Run, maxStackSize: 256 << 10) { IsBackground = true, Name = "Causeway timers" };
        thread.UnsafeStart();
        return queue;
    }

    private void Run()
    {
        while (true)
        {
            LinuxTimerApi.Wait(_timer);
            lock (_lock)
            {
                Timestamp now = Now;
                while (_timers.Next <= now)
                {
                    LinuxTimer due = _timers.First;
                    _timers.Remove(due);
                    ThreadPool.UnsafeQueueUserWorkItem(due, preferLocal: false);
                }

                SetTo(_timers.Next);
            }
        }
    }

    // A timer that was put off leaves the time as it is: waking once too early is cheaper than setting it each time.
    private void SetTo(Timestamp at)
    {
        _setTo = at;
        if (!at.IsNever)
        {
            LinuxTimerApi.Set(_timer, at);
        }
    }
}
