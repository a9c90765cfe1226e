using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Causeway.Runtime.Timers;

/// <summary>The system calls of Linux for a timer that is read like a file (timerfd_create(2)).</summary>
/// <remarks>The structures are those of 64-bit Linux, the same with glibc and musl.</remarks>
internal static unsafe partial class LinuxTimerApi
{
    private const int ClockMonotonic = 1;
    private const int CloseOnExec = 0x80000;
    private const int AbsoluteTime = 1;
    private const int Interrupted = 4;

    /// <summary>Makes a timer on the clock of <see cref="Stopwatch"/>, if the system has and allows it.</summary>
    public static bool TryCreate([NotNullWhen(true)] out SafeFileHandle? timer)
    {
        timer = null;
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess || Stopwatch.Frequency != 1_000_000_000)
        {
            return false;
        }

        try
        {
            int descriptor = Create(ClockMonotonic, CloseOnExec);
            timer = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
            return timer is not null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Sets it to go off at that time, once; a time that has passed is now.</summary>
    public static void Set(SafeFileHandle timer, Timestamp at)
    {
        // All zeros would turn it off.
        (long seconds, long microseconds) = Math.DivRem(Math.Max(1, at.Microseconds), 1_000_000);
        TimerSpecification specification = new() { Seconds = seconds, Nanoseconds = microseconds * 1000 };
        Check(SetTime(timer, AbsoluteTime, &specification, null));
    }

    /// <summary>Blocks until it goes off.</summary>
    public static void Wait(SafeFileHandle timer)
    {
        ulong expirations;
        Check((int)Read(timer, &expirations, sizeof(ulong)));
    }

    // A signal may end a wait; nothing else can happen to a handle that stays open as long as the process.
    private static void Check(int result) =>
        Debug.Assert(result >= 0 || Marshal.GetLastPInvokeError() == Interrupted, "a timer of the kernel failed");

    [LibraryImport("libc", EntryPoint = "timerfd_create", SetLastError = true)]
    private static partial int Create(int clock, int flags);

    [LibraryImport("libc", EntryPoint = "timerfd_settime", SetLastError = true)]
    private static partial int SetTime(SafeFileHandle timer, int flags, TimerSpecification* value, TimerSpecification* old);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle timer, void* buffer, nuint size);

    /// <summary><c>struct itimerspec</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimerSpecification
    {
        public long IntervalSeconds;
        public long IntervalNanoseconds;
        public long Seconds;
        public long Nanoseconds;
    }
}
