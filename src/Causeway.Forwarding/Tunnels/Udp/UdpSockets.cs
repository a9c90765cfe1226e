using System.Net;
using System.Net.Sockets;

namespace Causeway.Forwarding.Tunnels.Udp;

/// <summary>What both kinds of UDP sockets have in common.</summary>
internal static class UdpSockets
{
    // Room for a burst of a fast sender; the system may give less.
    private const int BufferSize = 1 << 20;

    // SIO_UDP_CONNRESET: else Windows fails a receive because of what an earlier send met.
    private const int ConnectionResetControl = unchecked((int)0x9800000c);

    /// <summary>Opens a socket that never blocks.</summary>
    /// <exception cref="SocketException">The system gives none.</exception>
    public static Socket Open(AddressFamily family)
    {
        Socket socket = new(family, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            socket.ReceiveBufferSize = BufferSize;
            socket.SendBufferSize = BufferSize;
            if (OperatingSystem.IsWindows())
            {
                socket.IOControl(ConnectionResetControl, [0, 0, 0, 0], null);
            }
        }
        catch (SocketException)
        {
            // It works with what it has.
        }

        return socket;
    }

    /// <summary>Opens a socket and binds it; "all addresses" is those of both families.</summary>
    /// <exception cref="SocketException">The address is in use or not available.</exception>
    public static Socket Bind(IPEndPoint address)
    {
        bool isAny = address.Address.Equals(IPAddress.IPv6Any);
        if (isAny && !Socket.OSSupportsIPv6)
        {
            address = new IPEndPoint(IPAddress.Any, address.Port);
        }

        Socket socket = Open(address.AddressFamily);
        try
        {
            if (isAny && Socket.OSSupportsIPv6)
            {
                socket.DualMode = true;
            }

            socket.Bind(address);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>An address without the IPv6 clothes of an IPv4 one.</summary>
    public static IPEndPoint Plain(IPEndPoint address) =>
        address.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(address.Address.MapToIPv4(), address.Port) : address;
}
