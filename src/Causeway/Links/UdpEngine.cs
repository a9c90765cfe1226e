namespace Causeway.Links;

/// <summary>How a <see cref="UdpLink"/> talks to the operating system.</summary>
public enum UdpEngine
{
    /// <summary>The fastest that the system offers.</summary>
    Auto,

    /// <summary>
    /// <see cref="System.Net.Sockets.Socket"/> alone: any system that .NET runs on. On a link that is bound to any address it
    /// cannot choose the one that a datagram leaves from: a client that dialled another than the system chooses gets its answers
    /// from the wrong one (<see cref="CausewayClientOptions.AcceptAnySourceAfter"/> helps it). Bind to that one address instead.
    /// </summary>
    Portable,

    /// <summary>
    /// <c>recvmmsg</c> and <c>sendmmsg</c>, with <c>UDP_SEGMENT</c> and <c>UDP_GRO</c> where the kernel has them. Answers leave
    /// from the address that was spoken to (<c>IP_PKTINFO</c>, <c>IPV6_RECVPKTINFO</c>).
    /// </summary>
    Linux,
}
