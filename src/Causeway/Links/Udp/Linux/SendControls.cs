using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Causeway.Protocol;
using static Causeway.Links.Udp.Linux.LinuxSocketApi;

namespace Causeway.Links.Udp.Linux;

/// <summary>
/// The control messages of what a batch sends, in this order where there are any: the size of segments, the traffic class
/// with the congestion bits, the address to leave from.
/// </summary>
internal sealed unsafe class SendControls
{
    // CMSG_SPACE of the messages with the size of segments and with the octet, and CMSG_LEN of either.
    private static readonly int s_wordSpace = sizeof(ControlHeader) + sizeof(nuint);
    private static readonly int s_segmentLength = sizeof(ControlHeader) + sizeof(ushort);
    private static readonly int s_octetLength = sizeof(ControlHeader) + sizeof(int);
    private static readonly int s_stride = (2 * s_wordSpace) + PacketInformation.Space;

    private readonly byte[] _controls;
    private readonly TrafficClass _trafficClass;
    private readonly bool _isIPv6Socket;

    public SendControls(Socket socket, int messages, TrafficClass trafficClass)
    {
        _controls = AllocatePinned<byte>(messages * s_stride);
        _trafficClass = trafficClass;
        _isIPv6Socket = socket.AddressFamily == AddressFamily.InterNetworkV6;
    }

    /// <summary>Writes the control messages of one message.</summary>
    /// <param name="header">The header that is to point at them.</param>
    /// <param name="message">Its place in the batch.</param>
    /// <param name="segment">The size of segments, 0 for a single datagram.</param>
    /// <param name="ecn">The congestion bits, or <see cref="EcnCodepoint.NotCapable"/> to leave the octet to the socket.</param>
    /// <param name="to">Where it goes, which tells whose octet it is.</param>
    /// <param name="local">The address to leave from, or none.</param>
    public void Set(ref MessageHeader header, int message, int segment, EcnCodepoint ecn, PeerAddress to, PeerAddress local)
    {
        byte* start = (byte*)Unsafe.AsPointer(ref _controls[message * s_stride]);
        byte* control = start;
        if (segment > 0)
        {
            *(ControlHeader*)control = new ControlHeader { Length = (nuint)s_segmentLength, Level = SolUdp, Type = UdpSegment };
            *(ushort*)(control + sizeof(ControlHeader)) = (ushort)segment;
            control += s_wordSpace;
        }

        if (ecn != EcnCodepoint.NotCapable)
        {
            bool isIPv6 = _trafficClass.IsIPv6For(to);
            *(ControlHeader*)control = new ControlHeader
            {
                Length = (nuint)s_octetLength,
                Level = isIPv6 ? SolIPv6 : SolIP,
                Type = isIPv6 ? IPv6TrafficClass : IPTypeOfService,
            };
            *(int*)(control + sizeof(ControlHeader)) = _trafficClass.OctetOf(ecn, isIPv6);
            control += s_wordSpace;
        }

        if (!local.IsNone)
        {
            control += PacketInformation.Write(control, local, _isIPv6Socket);
        }

        header.ControlLength = (nuint)(control - start);
        header.Control = control == start ? null : start;
    }

    /// <summary>Whether a message has congestion bits.</summary>
    public static bool HasEcn(in MessageHeader header)
    {
        FindSource(in header, out bool hasEcn, out _);
        return hasEcn;
    }

    /// <summary>Takes the address to leave from out of a message.</summary>
    /// <returns>False if there was none.</returns>
    public static bool TryRemoveSource(ref MessageHeader header)
    {
        int offset = FindSource(in header, out _, out bool hasSource);
        if (!hasSource)
        {
            return false;
        }

        header.ControlLength = (nuint)offset;
        header.Control = offset == 0 ? null : header.Control;
        return true;
    }

    // Where the address to leave from is or would be: it comes last.
    private static int FindSource(in MessageHeader header, out bool hasEcn, out bool hasSource)
    {
        hasEcn = false;
        hasSource = false;
        int offset = 0;
        while (offset < (int)header.ControlLength)
        {
            ControlHeader* control = (ControlHeader*)(header.Control + offset);
            if (PacketInformation.Is(in *control))
            {
                hasSource = true;
                return offset;
            }

            hasEcn |= control->Level is SolIP or SolIPv6;
            offset += s_wordSpace;
        }

        return offset;
    }
}
