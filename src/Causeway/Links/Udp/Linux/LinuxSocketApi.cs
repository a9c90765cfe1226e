using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Causeway.Links.Udp.Linux;

/// <summary>The system calls and constants of Linux that <see cref="Socket"/> does not offer.</summary>
/// <remarks>
/// The structures are those of 64-bit Linux, the same on all such processors and with glibc and musl: sizes and
/// pointers are native words, and alignment falls out of the field order. The constants are those of x64, arm64 and
/// every other processor with the generic set.
/// </remarks>
internal static unsafe partial class LinuxSocketApi
{
    public const int SolIP = 0;
    public const int SolSocket = 1;
    public const int SolUdp = 17;
    public const int SolIPv6 = 41;

    public const int IPTypeOfService = 1;
    public const int IPPacketInfo = 8;
    public const int IPReceiveTypeOfService = 13;
    public const int SoReceiveQueueOverflow = 40;
    public const int IPv6ReceivePacketInfo = 49;
    public const int IPv6PacketInfo = 50;
    public const int IPv6ReceiveTrafficClass = 66;
    public const int IPv6TrafficClass = 67;
    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int MsgTruncated = 0x20;
    public const int MsgDontWait = 0x40;

    public const ushort AfUnspecified = 0;
    public const ushort AfInet = 2;
    public const ushort AfInet6 = 10;

    /// <summary>
    /// Most datagrams that the kernel takes in one message with UDP_SEGMENT (UDP_MAX_SEGMENTS; 128 since 6.9).
    /// </summary>
    public const int MaxSegments = 64;

    /// <summary>An array that the kernel can be pointed at for as long as somebody refers to it.</summary>
    public static T[] AllocatePinned<T>(int length) => GC.AllocateArray<T>(length, pinned: true);

    /// <summary>Receives up to <paramref name="count"/> messages, without waiting if told so by the flags.</summary>
    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(
        SafeSocketHandle socket, MultiMessageHeader* messages, uint count, int flags, nint timeout);

    /// <summary>Sends up to <paramref name="count"/> messages.</summary>
    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(
        SafeSocketHandle socket, MultiMessageHeader* messages, uint count, int flags);

    /// <summary>Connects a socket, or dissolves what connects it if the address has no family.</summary>
    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(SafeSocketHandle socket, byte* address, uint length);

    /// <summary>Binds a socket.</summary>
    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(SafeSocketHandle socket, byte* address, uint length);

    /// <summary>Reads the address that a socket is bound to.</summary>
    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetName(SafeSocketHandle socket, byte* address, uint* length);

    /// <summary>Whether the calls exist and are allowed: an old kernel or a sandbox may refuse them.</summary>
    public static bool IsAvailable(SafeSocketHandle socket)
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess || !BitConverter.IsLittleEndian)
        {
            return false;
        }

        try
        {
            MultiMessageHeader none = default;
            return IsAllowed(ReceiveMessages(socket, &none, 0, MsgDontWait, 0))
                && IsAllowed(SendMessages(socket, &none, 0, MsgDontWait));
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    private static bool IsAllowed(int result) => result >= 0 || Marshal.GetLastPInvokeError() == Errno.Again;

    /// <summary>Numbers of errors, as of the generic set.</summary>
    public static class Errno
    {
        public const int Permission = 1;
        public const int Interrupted = 4;
        public const int InputOutput = 5;
        public const int Again = 11;
        public const int OutOfMemory = 12;
        public const int Invalid = 22;
        public const int NoDestination = 89;
        public const int MessageSize = 90;
        public const int NoProtocolOption = 92;
        public const int NotSupported = 95;
        public const int AddressNotAvailable = 99;
        public const int NetworkDown = 100;
        public const int NetworkUnreachable = 101;
        public const int NoBuffers = 105;
        public const int ConnectionRefused = 111;
        public const int HostDown = 112;
        public const int HostUnreachable = 113;
    }

    /// <summary><c>struct iovec</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary><c>struct msghdr</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct mmsghdr</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MultiMessageHeader
    {
        public MessageHeader Header;

        /// <summary>Bytes that were received or sent.</summary>
        public uint Length;
    }

    /// <summary><c>struct cmsghdr</c>; its data follow it, and the next one at the next multiple of a word.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ControlHeader
    {
        /// <summary>Bytes of header and data, padding excluded.</summary>
        public nuint Length;
        public int Level;
        public int Type;
    }
}
