using System.Net.Sockets;
using System.Runtime.InteropServices;
using Causeway.Protocol;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// The octet that differentiated services and ECN share (IPv4 TOS, IPv6 traffic class): what a socket was given for the upper
/// six bits, with the lower two of a datagram.
/// </summary>
internal sealed class TrafficClass
{
    private const int EcnMask = 3;

    private readonly Socket _socket;
    private readonly bool _hasIPv4;
    private readonly bool _hasIPv6;
    private readonly int _octetIPv4;
    private readonly int _octetIPv6;

    /// <param name="socket">The socket, with all of its options set.</param>
    public TrafficClass(Socket socket)
    {
        _socket = socket;
        _hasIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;

        // What a socket for both sends to mapped IPv4 addresses takes the IPv4 option.
        _hasIPv4 = !_hasIPv6 || socket.DualMode;
        _octetIPv4 = _hasIPv4 ? Get(SolIP, IPTypeOfService) & ~EcnMask : 0;
        _octetIPv6 = _hasIPv6 ? Get(SolIPv6, IPv6TrafficClass) & ~EcnMask : 0;
    }

    /// <summary>
    /// Whether the system lets the octet be set: found out by clearing the lower two bits of what leaves without some of its
    /// own, in case the application set them.
    /// </summary>
    public bool Probe() => (!_hasIPv4 || TrySet(EcnCodepoint.NotCapable, isIPv6: false))
        && (!_hasIPv6 || TrySet(EcnCodepoint.NotCapable, isIPv6: true));

    /// <summary>Whether a datagram to this address takes the IPv6 option.</summary>
    public bool IsIPv6For(PeerAddress peer) => _hasIPv6 && (!_hasIPv4 || peer.IsIPv6);

    /// <summary>The whole octet of a datagram.</summary>
    public int OctetOf(EcnCodepoint ecn, bool isIPv6) => (isIPv6 ? _octetIPv6 : _octetIPv4) | (int)ecn;

    /// <summary>Sets the bits of everything that leaves without some of its own.</summary>
    public bool TrySet(EcnCodepoint ecn, bool isIPv6)
    {
        int octet = OctetOf(ecn, isIPv6);
        try
        {
            _socket.SetRawSocketOption(
                isIPv6 ? SolIPv6 : SolIP,
                isIPv6 ? IPv6TrafficClass : IPTypeOfService,
                MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in octet)));
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private int Get(int level, int option)
    {
        int octet = 0;
        try
        {
            _socket.GetRawSocketOption(level, option, MemoryMarshal.AsBytes(new Span<int>(ref octet)));
            return octet;
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}
