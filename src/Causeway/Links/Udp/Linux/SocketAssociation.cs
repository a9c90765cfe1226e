using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Protocol;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// What makes a UDP socket a connected one, changed while it is in use and while it keeps its port. <see cref="Socket"/> has
/// no way to do that.
/// </summary>
internal static unsafe class SocketAssociation
{
    private const int MaxAddress = 32;

    /// <summary>Lets a socket receive from anyone (connect(2), AF_UNSPEC), at the address and port that it has.</summary>
    /// <returns>False if the system refused, or took the port away.</returns>
    public static bool TryDissolve(Socket socket)
    {
        byte* local = stackalloc byte[MaxAddress];
        uint length = MaxAddress;
        if (GetName(socket.SafeHandle, local, &length) < 0)
        {
            return false;
        }

        byte* none = stackalloc byte[MaxAddress];
        new Span<byte>(none, MaxAddress).Clear();
        *(ushort*)none = AfUnspecified;
        if (Connect(socket.SafeHandle, none, RawSocketAddress.IPv4Size) < 0)
        {
            return false;
        }

        // A port of the system's choice goes with the association. It is taken again at once: the peer knows the socket by it.
        return Bind(socket.SafeHandle, local, length) == 0;
    }

    /// <summary>Lets a socket receive from one peer only.</summary>
    public static bool TryMake(Socket socket, PeerAddress peer)
    {
        byte* remote = stackalloc byte[MaxAddress];
        Unsafe.WriteUnaligned(remote, socket.AddressFamily == AddressFamily.InterNetworkV6 ? AfInet6 : AfInet);
        return RawSocketAddress.TryWrite(peer, socket.AddressFamily, new Span<byte>(remote, MaxAddress))
            && Connect(socket.SafeHandle, remote, (uint)RawSocketAddress.SizeOf(socket.AddressFamily)) == 0;
    }
}
