using Causeway.Links.Udp;

namespace Causeway.Links;

/// <summary>Counters of a <see cref="UdpLink"/>; approximate while it is in use.</summary>
public readonly record struct UdpLinkStatistics
{
    /// <summary>Datagrams that the kernel took.</summary>
    public long DatagramsSent { get; init; }

    /// <summary>Their payload bytes.</summary>
    public long BytesSent { get; init; }

    /// <summary>System calls that sent something.</summary>
    public long SendCalls { get; init; }

    /// <summary>Times that a send waited because the kernel's buffer was full.</summary>
    public long SendWaits { get; init; }

    /// <summary>
    /// Datagrams lost because no route or nobody was there (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH).
    /// </summary>
    public long SendUnreachable { get; init; }

    /// <summary>Datagrams lost because they were larger than the path or the protocol takes (EMSGSIZE).</summary>
    public long SendTooLarge { get; init; }

    /// <summary>Datagrams lost because a device's queue or memory was full (ENOBUFS, ENOMEM).</summary>
    public long SendNoBuffers { get; init; }

    /// <summary>
    /// Datagrams lost because the system refused them otherwise: a firewall, or an address of another family.
    /// </summary>
    public long SendRefused { get; init; }

    /// <summary>
    /// Datagrams that left from an address of the system's choice, because the one that they were to leave from
    /// (<see cref="Causeway.Protocol.DatagramPath.Local"/>) is not this machine's, or not any more.
    /// </summary>
    public long SendSourceRefused { get; init; }

    /// <summary>Datagrams received.</summary>
    public long DatagramsReceived { get; init; }

    /// <summary>Their payload bytes.</summary>
    public long BytesReceived { get; init; }

    /// <summary>System calls that received something.</summary>
    public long ReceiveCalls { get; init; }

    /// <summary>Errors, mostly ICMP messages about earlier sends, that a receive reported.</summary>
    public long ReceiveErrors { get; init; }

    /// <summary>Datagrams dropped because they were larger than <see cref="UdpLinkOptions.MaxDatagramSize"/>.</summary>
    public long ReceiveTooLarge { get; init; }

    /// <summary>
    /// Datagrams that the kernel dropped because its receive buffer was full, where it tells (Linux).
    /// </summary>
    public long KernelDropped { get; init; }

    /// <summary>
    /// Blocks of 64 KiB that the link holds for receiving, at most <see cref="UdpLinkOptions.MaxReceiveBlocks"/>; 0
    /// without <see cref="ReceiveOffload"/>.
    /// </summary>
    public int ReceiveBlocks { get; init; }

    /// <summary>
    /// Blocks whose datagrams were copied out because all others were still in use. Not an error, but a sign of readers
    /// that fall behind, or of a <see cref="UdpLinkOptions.MaxReceiveBlocks"/> that is small for the traffic.
    /// </summary>
    public long ReceiveBlocksCopied { get; init; }

    /// <summary>Whether datagrams leave with the congestion bits that they are given; see <see cref="UdpLinkOptions.Ecn"/>.</summary>
    public bool SendsEcn { get; init; }

    /// <summary>Whether congestion bits of arrivals are read.</summary>
    public bool ReceivesEcn { get; init; }

    /// <summary>
    /// Whether the local address of arrivals is told, so that answers leave from it: with <see cref="UdpEngine.Linux"/> on a
    /// link that is bound to any address. On one that is bound to a single address there is nothing to tell.
    /// </summary>
    public bool TellsLocalAddress { get; init; }

    /// <summary>Whether the kernel cuts runs of sent datagrams apart (UDP_SEGMENT).</summary>
    public bool SendOffload { get; init; }

    /// <summary>Whether the kernel merges runs of received datagrams (UDP_GRO).</summary>
    public bool ReceiveOffload { get; init; }
}
