using System.Runtime.InteropServices;

namespace Causeway.Benchmarks.Link;

/// <summary>What a relay with exact times needs of Linux and .NET does not offer.</summary>
internal static unsafe partial class LinuxSystem
{
    public const short Readable = 1;

    private const int Fifo = 1;
    private const int SocketLevel = 1;
    private const int ReceiveBufferForce = 33;
    private const int MemoryInfo = 55;
    private const int MemoryInfoDrops = 8;

    /// <summary>Waits until a descriptor can be read or the time is over, to some ten microseconds.</summary>
    public static void Poll(Span<PollEntry> entries, long microseconds)
    {
        TimeSpec time = new() { Seconds = (nint)(microseconds / 1_000_000), Nanoseconds = (nint)(microseconds % 1_000_000 * 1000) };
        fixed (PollEntry* first = entries)
        {
            _ = PPoll(first, (nuint)entries.Length, &time, null);
        }
    }

    /// <summary>Puts the calling thread before all ordinary ones. Without the right to it nothing changes.</summary>
    public static void PreferThisThread()
    {
        int priority = 1;
        _ = SetScheduler(0, Fifo, &priority);
    }

    /// <summary>A receive buffer beyond the system's limit where that is allowed, else up to it.</summary>
    public static void EnlargeReceiveBuffer(System.Net.Sockets.Socket socket, int bytes)
    {
        try
        {
            socket.SetRawSocketOption(SocketLevel, ReceiveBufferForce, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in bytes)));
        }
        catch (System.Net.Sockets.SocketException)
        {
            socket.ReceiveBufferSize = bytes;
        }
    }

    /// <summary>Datagrams that the kernel dropped because a socket's receive buffer was full.</summary>
    public static long DropsOf(System.Net.Sockets.Socket socket)
    {
        Span<uint> info = stackalloc uint[MemoryInfoDrops + 1];
        int length = socket.GetRawSocketOption(SocketLevel, MemoryInfo, MemoryMarshal.AsBytes(info));
        return length > MemoryInfoDrops * sizeof(uint) ? info[MemoryInfoDrops] : 0;
    }

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int PPoll(PollEntry* entries, nuint count, TimeSpec* timeout, void* signalMask);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, int* priority);

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Wanted;
        public short Found;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
