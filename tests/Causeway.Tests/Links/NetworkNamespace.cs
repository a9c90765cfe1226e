using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Causeway.Tests.Links;

/// <summary>
/// A network of a test's own (network_namespaces(7)), with addresses on its loopback, so that nothing of the machine is
/// touched. Sockets belong to the network of the thread that makes them, wherever they are used afterwards.
/// </summary>
internal static partial class NetworkNamespace
{
    private const int NewNetwork = 0x40000000;
    private const uint SetInterfaceFlags = 0x8914;
    private const uint SetInterfaceAddress = 0x8916;
    private const short Up = 1;

    /// <summary>Runs an action, which may open sockets, on a thread in a new network with these IPv6 addresses.</summary>
    /// <returns>False if the system does not grant one: it takes Linux and the rights of root.</returns>
    public static bool TryRun(IEnumerable<string> addresses, Action action)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        bool isGranted = false;
        Exception? error = null;
        Thread thread = new(() =>
        {
            try
            {
                isGranted = Unshare(NewNetwork) == 0 && TryConfigure(addresses);
                if (isGranted)
                {
                    action();
                }
            }
            catch (Exception e)
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        return error is null ? isGranted : throw new InvalidOperationException("The action failed in its network.", error);
    }

    private static bool TryConfigure(IEnumerable<string> addresses)
    {
        using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);

        // struct ifreq: a name of 16 bytes, then a union of 24.
        byte[] up = new byte[40];
        "lo"u8.CopyTo(up);
        BitConverter.TryWriteBytes(up.AsSpan(16), Up);
        if (Control(socket.SafeHandle, SetInterfaceFlags, up) != 0)
        {
            return false;
        }

        foreach (string address in addresses)
        {
            // struct in6_ifreq: address, prefix length, index. The loopback is the first interface of a network.
            byte[] request = new byte[24];
            IPAddress.Parse(address).TryWriteBytes(request, out _);
            BitConverter.TryWriteBytes(request.AsSpan(16), 64);
            BitConverter.TryWriteBytes(request.AsSpan(20), 1);
            if (Control(socket.SafeHandle, SetInterfaceAddress, request) != 0)
            {
                return false;
            }
        }

        return true;
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeHandle file, nuint request, byte[] argument);
}
