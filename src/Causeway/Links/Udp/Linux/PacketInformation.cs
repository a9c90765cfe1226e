using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// The control message with the local address of a datagram: <c>struct in_pktinfo</c> (ip(7)) on an IPv4 socket, <c>struct
/// in6_pktinfo</c> (RFC 3542 section 6.1) on an IPv6 socket, which has mapped IPv4 addresses in it too.
/// </summary>
internal static unsafe class PacketInformation
{
    // in_pktinfo: interface, local address, header's destination. in6_pktinfo: address, interface.
    private const int IPv4Size = 12;
    private const int IPv4LocalOffset = 4;
    private const int IPv6Size = 20;
    private const int IPv6InterfaceOffset = 16;

    /// <summary>Bytes of the longer message with its header and padding (CMSG_SPACE).</summary>
    public static readonly int Space = sizeof(ControlHeader) + Align(IPv6Size);

    /// <summary>Whether the socket is bound to any address: on others there is only one, which need not be named.</summary>
    public static bool IsBoundToAny(Socket socket) => socket.LocalEndPoint is IPEndPoint { Address: { } address }
        && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));

    /// <summary>Asks the kernel to tell the local address of what arrives.</summary>
    public static bool TryEnable(Socket socket)
    {
        bool isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        try
        {
            socket.SetRawSocketOption(
                isIPv6 ? SolIPv6 : SolIP, isIPv6 ? IPv6ReceivePacketInfo : IPPacketInfo, BitConverter.GetBytes(1));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether a control message is one of these.</summary>
    public static bool Is(in ControlHeader header) =>
        (header.Level == SolIP && header.Type == IPPacketInfo && header.Length >= (nuint)(sizeof(ControlHeader) + IPv4Size))
        || (header.Level == SolIPv6 && header.Type == IPv6PacketInfo && header.Length >= (nuint)(sizeof(ControlHeader) + IPv6Size));

    /// <summary>Reads the address that an answer is to leave from.</summary>
    /// <param name="header">The message's header, for which <see cref="Is"/> is true.</param>
    /// <param name="data">What follows it, at least as much as the header says.</param>
    /// <param name="port">The port of the socket.</param>
    /// <returns>None for a multicast address, which nothing can leave from.</returns>
    public static PeerAddress Read(in ControlHeader header, ReadOnlySpan<byte> data, int port)
    {
        if (header.Level == SolIP)
        {
            return PeerAddress.FromBytes(data.Slice(IPv4LocalOffset, 4), port);
        }

        ReadOnlySpan<byte> address = data[..16];
        if (address[0] == 0xFF)
        {
            return default;
        }

        // Only a link-local address (RFC 4291 section 2.5.6) has a meaning on one interface alone; with another one the
        // interface would bind the answer to the way that the question came.
        bool isLinkLocal = address[0] == 0xFE && (address[1] & 0xC0) == 0x80;
        return PeerAddress.FromBytes(address, port, isLinkLocal ? MemoryMarshal.Read<uint>(data[IPv6InterfaceOffset..]) : 0);
    }

    /// <summary>Writes the message that names the address to leave from.</summary>
    /// <returns>Its length with padding.</returns>
    public static int Write(byte* control, PeerAddress local, bool isIPv6Socket)
    {
        int size = isIPv6Socket ? IPv6Size : IPv4Size;
        *(ControlHeader*)control = new ControlHeader
        {
            Length = (nuint)(sizeof(ControlHeader) + size),
            Level = isIPv6Socket ? SolIPv6 : SolIP,
            Type = isIPv6Socket ? IPv6PacketInfo : IPPacketInfo,
        };
        Span<byte> data = new(control + sizeof(ControlHeader), size);
        data.Clear();
        if (isIPv6Socket)
        {
            local.WriteIPv6Bytes(data);
            Unsafe.WriteUnaligned(ref data[IPv6InterfaceOffset], local.ScopeId);
        }
        else
        {
            local.WriteBytes(data[IPv4LocalOffset..]);
        }

        return sizeof(ControlHeader) + Align(size);
    }

    private static int Align(int length) => (length + sizeof(nuint) - 1) & -sizeof(nuint);
}
