using System.Net.Sockets;
using Causeway.Protocol;
using Microsoft.Extensions.Logging;

namespace Causeway.Links;

/// <summary>Options of a <see cref="UdpLink"/>.</summary>
public sealed record UdpLinkOptions
{
    /// <summary>The largest payload that an IPv4 datagram can carry.</summary>
    public const int MaxUdpPayload = 65507;

    // One byte shows that a datagram was cut off.
    private const int TruncationMark = 1;
    private const int MinSocketBuffer = 2048;

    // One to receive into and one that is handed out.
    private const int LeastReceiveBlocks = 2;
    private const int MostReceiveBlocks = 1024;

    /// <summary>
    /// Bytes that the kernel queues for sending; null, the default, leaves the system's choice, or in
    /// <see cref="CausewayOptions.Udp"/> the profile's. Kernels have limits of
    /// their own (<c>net.core.wmem_max</c>): what was not granted is reported in <see cref="UdpLink.Warnings"/>. At
    /// least 2048.
    /// </summary>
    public int? SendBufferSize { get; init; }

    /// <summary>
    /// Bytes that the kernel queues for receiving; null, the default, leaves the choice as for
    /// <see cref="SendBufferSize"/>. The system's on Linux holds about 90 datagrams: a fast link loses whole bursts with that. 4 MiB is a good value for servers. Limits
    /// (<c>net.core.rmem_max</c>) are reported as for <see cref="SendBufferSize"/>. At least 2048.
    /// </summary>
    public int? ReceiveBufferSize { get; init; }

    /// <summary>
    /// Differentiated services code point (RFC 2474) of what is sent, 0 to 63; null, the default, leaves the field
    /// alone. It goes into the upper six bits of the IPv4 TOS and IPv6 traffic class octets.
    /// </summary>
    public int? Dscp { get; init; }

    /// <summary>
    /// Let datagrams leave with the congestion bits of their <see cref="PacketBuffer.Ecn"/> (RFC 3168), beside
    /// <see cref="Dscp"/>, and read those of arrivals into it. Needs <see cref="UdpEngine.Linux"/>: the portable engine has
    /// no way to see them, sends all datagrams without and reports none. Probed at run time, and switched off for good where
    /// the system refuses. Default true: it costs next to nothing, lets an end answer peers that ask for marks, and sets
    /// nothing by itself. What asks for marks is the engine, e.g. <c>ArqOptions.Ecn</c>.
    /// </summary>
    public bool Ecn { get; init; } = true;

    /// <summary>
    /// Let several links bind the same port; the kernel spreads peers over them by a hash of their addresses. Where the
    /// system does not have it, <see cref="UdpLink.Warnings"/> says so and a second bind fails. Default false.
    /// </summary>
    public bool ReusePort { get; init; }

    /// <summary>
    /// When bound to an any-address (0.0.0.0 or ::), receive both IPv4 and IPv6, or IPv4 alone where there is no IPv6.
    /// Default false.
    /// </summary>
    public bool DualMode { get; init; }

    /// <summary>
    /// Let the kernel cut and merge runs of datagrams (UDP_SEGMENT and UDP_GRO on Linux), which is several times
    /// faster. Probed at run time, and switched off for good where a network device refuses. Default true.
    /// </summary>
    public bool SegmentationOffload { get; init; } = true;

    /// <summary>How to talk to the operating system. Default <see cref="UdpEngine.Auto"/>.</summary>
    public UdpEngine Engine { get; init; }

    /// <summary>The pool of received datagrams. Default <see cref="PacketPool.Shared"/>.</summary>
    public PacketPool Pool { get; init; } = PacketPool.Shared;

    /// <summary>Where warnings go, from a thread of the log's own. Default null.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// Called with the socket before it is bound or connected, after the other options were applied. Default null.
    /// </summary>
    public Action<Socket>? ConfigureSocket { get; init; }

    /// <summary>
    /// The largest payload sent and received; larger arrivals are dropped and counted. 64 to 65507 bytes, and at most
    /// <see cref="PacketPool.BufferSize"/> less one of <see cref="Pool"/>. Default 1500.
    /// </summary>
    public int MaxDatagramSize { get; init; } = 1500;

    /// <summary>
    /// The most blocks of 64 KiB that a link with <see cref="SegmentationOffload"/> receives into, 2 to 1024. It takes
    /// them as traffic needs them, and gives them back when it falls quiet. Received payload stays in them until it is
    /// read; a reader that has stopped can pin all of them but one, and further datagrams are copied into the buffers of
    /// <see cref="Pool"/>, which each session bounds by itself. Default 64: 4 MiB, as much as kcptun's socket and
    /// session buffers hold by default.
    /// </summary>
    public int MaxReceiveBlocks { get; init; } = 64;

    // Receives of many datagrams in one block (UDP_GRO); tests bring a tracking one.
    internal PacketPool BlockPool { get; init; } = s_blocks;

    // A link sends on its session's thread, which must not wait for an application's logger.
    internal ILogger? BackgroundLogger => Logger is null ? null : Telemetry.BackgroundLogger.Over(Logger);

    internal int ReceiveSpace => MaxDatagramSize + TruncationMark;

    // As much of the usual headroom as the buffers leave, so that a received datagram can be passed on with headers
    // added.
    internal int ReceiveHeadroom => Math.Min(PacketPool.DefaultHeadroom, Pool.BufferSize - ReceiveSpace);

    /// <summary>Throws if an option is out of its range.</summary>
    /// <exception cref="ArgumentException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        RequireRange(SendBufferSize ?? MinSocketBuffer, MinSocketBuffer, int.MaxValue, nameof(SendBufferSize));
        RequireRange(ReceiveBufferSize ?? MinSocketBuffer, MinSocketBuffer, int.MaxValue, nameof(ReceiveBufferSize));
        RequireRange(Dscp ?? 0, 0, 63, nameof(Dscp));
        RequireRange(MaxReceiveBlocks, LeastReceiveBlocks, MostReceiveBlocks, nameof(MaxReceiveBlocks));
        RequireRange(MaxDatagramSize, 64, MaxUdpPayload, nameof(MaxDatagramSize));
        if (!Enum.IsDefined(Engine))
        {
            throw new ArgumentOutOfRangeException(nameof(Engine), Engine, "Engine must be Auto, Portable or Linux.");
        }

        if (Pool is null)
        {
            throw new ArgumentException("Pool must not be null.", nameof(Pool));
        }

        if (Pool.BufferSize < ReceiveSpace)
        {
            throw new ArgumentException(
                $"Pool has buffers of {Pool.BufferSize} bytes; MaxDatagramSize {MaxDatagramSize} needs {ReceiveSpace}.",
                nameof(Pool));
        }
    }

    // Links keep what they need themselves; this is what one leaves to the next.
    private static readonly PacketPool s_blocks = new(bufferSize: 65536, maxIdleBytes: 4 << 20);

    private static void RequireRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {min} to {max}.");
        }
    }
}
