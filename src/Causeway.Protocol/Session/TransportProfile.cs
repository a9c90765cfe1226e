using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol;

/// <summary>
/// An engine with its settings: what both ends of a connection have to agree on, and the local policy beside it. Each
/// engine derives its own.
/// </summary>
public abstract record TransportProfile
{
    /// <summary>The largest value of <see cref="Mtu"/>, and what every receiver takes whatever its own is.</summary>
    public const int MaxMtu = 1500;

    /// <summary>The default of <see cref="MemoryBudget"/>, in bytes.</summary>
    public const long DefaultMemoryBudget = 64 << 20;

    /// <summary>The least value of <see cref="MemoryBudget"/>, in bytes.</summary>
    public const long LeastMemoryBudget = 1 << 20;

    /// <summary>The largest value of <see cref="MemoryBudget"/>, in bytes.</summary>
    public const long MostMemoryBudget = 1 << 30;

    /// <summary>The default of <see cref="SocketBuffer"/>, in bytes: what a fast link needs to lose no bursts.</summary>
    public const int DefaultSocketBuffer = 4 << 20;

    private const int MinSocketBuffer = 2048;

    private protected TransportProfile()
    {
    }

    /// <summary>
    /// The largest UDP payload to send, in bytes; <see cref="LeastMtu"/> to 1500. Headers of all layers come out of it.
    /// </summary>
    public int Mtu { get; init; } = 1350;

    /// <summary>The least <see cref="Mtu"/> under which the engine has room for a payload, in bytes.</summary>
    public abstract int LeastMtu { get; }

    /// <summary>What carries the streams, with its version where there are several, for people to read: "smux version: 2", "QUIC".</summary>
    public abstract string StreamProtocol { get; }

    /// <summary>
    /// Makes the packet protection outside the session, once for each direction of each link; null leaves datagrams as
    /// they are.
    /// </summary>
    public Func<DatagramTransform>? PacketProtection { get; init; }

    /// <summary>Makes the cipher of a stream's bytes, once for each stream; null for none.</summary>
    public Func<StreamCipher>? StreamCipher { get; init; }

    /// <summary>
    /// Makes the congestion controller, once for each session, from the payload bytes of a full segment. Default:
    /// <see cref="BbrController"/>. <see cref="CongestionControllers.ByName"/> has the others.
    /// </summary>
    public Func<int, CongestionController> CongestionControl { get; init; } = static segmentSize => new BbrController(segmentSize);

    /// <summary>
    /// Bytes of received data that one connection may hold, in whole: waiting to be read, or for what is missing
    /// before it. Sent data that is not acknowledged may come to as much. 1 MiB to 1 GiB, default 64 MiB, which 1
    /// Gbit/s over 200 ms needs with losses. Windows that are set by hand bound themselves. It is a limit, not an
    /// allocation: what is held follows the path's need, and a reader that keeps up holds next to nothing.
    /// </summary>
    public long MemoryBudget { get; init; } = DefaultMemoryBudget;

    /// <summary>Bytes of UDP payload a second that each session may send, parity included; 0 for no limit.</summary>
    public long RateLimit { get; init; }

    /// <summary>
    /// Bytes that the socket below may queue in each direction, at least 2048; null leaves the system's choice, which on Linux
    /// holds about 90 datagrams. Default 4 MiB. The session itself does nothing with it: whoever opens the socket does.
    /// </summary>
    public int? SocketBuffer { get; init; } = DefaultSocketBuffer;

    /// <summary>
    /// Differentiated services code point (RFC 2474) of what is sent, 0 to 63; null, the default, leaves the field alone. For
    /// whoever opens the socket, as <see cref="SocketBuffer"/>.
    /// </summary>
    public int? Dscp { get; init; }

    // The least of other protocols on the way, and 576 bytes with headers, which every path has to carry (RFC 1122).
    private static readonly int[] s_shorterMtus = [1350, 1200, 1000, 800, 548];

    /// <summary>
    /// The same settings with the next shorter <see cref="Mtu"/> to try on a path that swallows what this one sends; null if
    /// there is none.
    /// </summary>
    public TransportProfile? WithShorterDatagrams() =>
        Array.Find(s_shorterMtus, mtu => mtu < Mtu) is var shorter and > 0 ? this with { Mtu = shorter } : null;

    /// <summary>Fails if a value is out of its range, alone or together with others.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and the range.</exception>
    public virtual void Validate()
    {
        if (Mtu < LeastMtu || Mtu > MaxMtu)
        {
            throw new ArgumentOutOfRangeException(nameof(Mtu), Mtu, $"Mtu is in bytes and must be from {LeastMtu} to {MaxMtu}.");
        }

        if (RateLimit < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(RateLimit), RateLimit, "RateLimit is in bytes a second and must not be negative; 0 is no limit.");
        }

        if (SocketBuffer < MinSocketBuffer)
        {
            throw new ArgumentOutOfRangeException(
                nameof(SocketBuffer), SocketBuffer, $"SocketBuffer is in bytes and must be at least {MinSocketBuffer}; null is the system's choice.");
        }

        if (Dscp is < 0 or > 63)
        {
            throw new ArgumentOutOfRangeException(nameof(Dscp), Dscp, "Dscp must be from 0 to 63.");
        }

        if (MemoryBudget is < LeastMemoryBudget or > MostMemoryBudget)
        {
            throw new ArgumentOutOfRangeException(
                nameof(MemoryBudget),
                MemoryBudget,
                $"MemoryBudget is in bytes and must be from {LeastMemoryBudget} to {MostMemoryBudget}.");
        }
    }

    /// <summary>Makes an endpoint of this engine, for one link.</summary>
    /// <param name="role">Which end it is.</param>
    /// <param name="link">What its sessions have to know of the link.</param>
    public abstract TransportEndpoint NewEndpoint(EndpointRole role, in SessionLink link);

    /// <summary>
    /// Makes the endpoints of a listener with several links to one port, which may be driven on several threads at once. Limits that
    /// are the listener's count for all of them together.
    /// </summary>
    /// <param name="links">One for each endpoint. <see cref="Routing.Endpoint"/> is an index of it.</param>
    public virtual IReadOnlyList<TransportEndpoint> NewListenerEndpoints(IReadOnlyList<SessionLink> links)
    {
        ArgumentNullException.ThrowIfNull(links);
        return [.. links.Select(link => NewEndpoint(EndpointRole.Server, in link))];
    }
}
