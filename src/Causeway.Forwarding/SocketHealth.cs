using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Causeway.Forwarding;

/// <summary>What the kernel knows of a connected stream socket that nobody reads from or writes to at this time.</summary>
internal static partial class SocketHealth
{
    private const short PollError = 0x008;
    private const short PollHangUp = 0x010;
    private const nuint QueuedOut = 0x5411;

    /// <summary>
    /// Whether a socket whose end was read has broken since: its peer reset it, was found gone by probes, or, with a Unix
    /// socket, closed the other direction too.
    /// </summary>
    public static bool IsBroken(Socket socket)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                return socket.Poll(0, SelectMode.SelectError);
            }

            // A hang-up is what a Unix socket has in place of a reset. A TCP socket has it also in order, when both
            // directions have ended. Neither has to be asked for.
            short broken = socket.AddressFamily == AddressFamily.Unix ? (short)(PollError | PollHangUp) : PollError;
            return (Poll(socket.SafeHandle) & broken) != 0;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is being closed: whoever does that knows why.
            return false;
        }
    }

    /// <summary>Whether bytes that were sent are known to have all arrived; false where the system does not tell.</summary>
    public static bool HasDeliveredAll(Socket socket)
    {
        if (!OperatingSystem.IsLinux() || socket.AddressFamily == AddressFamily.Unix)
        {
            return false;
        }

        try
        {
            bool added = false;
            try
            {
                socket.SafeHandle.DangerousAddRef(ref added);
                return IoControl((int)socket.SafeHandle.DangerousGetHandle(), QueuedOut, out int queued) == 0 && queued == 0;
            }
            finally
            {
                if (added)
                {
                    socket.SafeHandle.DangerousRelease();
                }
            }
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    private static short Poll(SafeSocketHandle handle)
    {
        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            PollDescriptor descriptor = new() { Descriptor = (int)handle.DangerousGetHandle() };
            return Poll(ref descriptor, 1, 0) > 0 ? descriptor.Returned : (short)0;
        }
        finally
        {
            if (added)
            {
                handle.DangerousRelease();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int IoControl(int descriptor, nuint request, out int value);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Asked;
        public short Returned;
    }
}
