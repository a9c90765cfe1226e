using System.Buffers.Binary;
using System.Net.Sockets;
using Causeway.Protocol;

namespace Causeway.Links.Udp;

/// <summary>
/// The bytes of <c>sockaddr_in</c> and <c>sockaddr_in6</c> behind the family: port, address, flow and scope lie at the
/// same offsets on all systems. Port and address are in network order, the scope in the machine's.
/// </summary>
internal static class RawSocketAddress
{
    public const int IPv4Size = 16;
    public const int IPv6Size = 28;

    private const int PortOffset = 2;
    private const int IPv4Offset = 4;
    private const int FlowOffset = 4;
    private const int IPv6Offset = 8;
    private const int ScopeOffset = 24;

    public static int SizeOf(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? IPv6Size : IPv4Size;

    /// <summary>Reads an address that the system wrote.</summary>
    public static PeerAddress Read(ReadOnlySpan<byte> raw, bool isIPv6)
    {
        int port = BinaryPrimitives.ReadUInt16BigEndian(raw[PortOffset..]);
        return isIPv6
            ? PeerAddress.FromBytes(raw.Slice(IPv6Offset, 16), port, BitConverter.ToUInt32(raw[ScopeOffset..]))
            : PeerAddress.FromBytes(raw.Slice(IPv4Offset, 4), port);
    }

    /// <summary>Writes everything but the family, for a socket of the given family.</summary>
    /// <returns>False if the address has none, or the socket cannot reach its family.</returns>
    public static bool TryWrite(PeerAddress peer, AddressFamily family, Span<byte> raw)
    {
        if (peer.IsNone || (peer.IsIPv6 && family != AddressFamily.InterNetworkV6))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(raw[PortOffset..], (ushort)peer.Port);
        if (family == AddressFamily.InterNetworkV6)
        {
            raw.Slice(FlowOffset, 4).Clear();
            peer.WriteIPv6Bytes(raw.Slice(IPv6Offset, 16));
            BitConverter.TryWriteBytes(raw.Slice(ScopeOffset, 4), peer.ScopeId);
        }
        else
        {
            peer.WriteBytes(raw.Slice(IPv4Offset, 4));
            raw[8..IPv4Size].Clear();
        }

        return true;
    }
}
