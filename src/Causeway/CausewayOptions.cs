using System.Net;
using System.Security.Cryptography;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Causeway;

/// <summary>What clients and listeners have in common.</summary>
public abstract record CausewayOptions
{
    private protected CausewayOptions()
    {
    }

    /// <summary>The layers and their settings. Both ends need matching ones; see the profile's documentation.</summary>
    public required TransportProfile Profile { get; init; }

    /// <summary>
    /// Adds middleware between the session and the socket; the first added is nearest to the session (but outside the
    /// profile's packet protection, so that it sees what the network will see).
    /// </summary>
    public Func<DatagramLinkBuilder, DatagramLinkBuilder>? ConfigureLink { get; init; }

    /// <summary>
    /// Settings of the UDP socket. What is null here is the profile's: <see cref="TransportProfile.SocketBuffer"/> and
    /// <see cref="TransportProfile.Dscp"/>.
    /// </summary>
    public UdpLinkOptions Udp { get; init; } = new();

    /// <summary>
    /// Makes the innermost link in place of a UDP socket, from the remote end point (client) or the listening one
    /// (listener). Asked again, for another link, when a QUIC client goes another way.
    /// </summary>
    public Func<EndPoint, IDatagramLink>? CreateLink { get; init; }

    /// <summary>
    /// Streams of the peer that may wait for <see cref="CausewayConnection.AcceptStreamAsync"/>, 1 to 65536. Default
    /// 1024. More are refused.
    /// </summary>
    public int StreamBacklog { get; init; } = 1024;

    /// <summary>
    /// How long a graceful close waits for the peer to acknowledge what was written. Default 10 seconds.
    /// </summary>
    public TimeSpan CloseTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether an application's code goes on, after reads, writes, opening and accepting of streams, on the thread that
    /// runs the protocol, in place of one of the thread pool's. Saves the change of threads, which costs more than
    /// relaying a short message, and leaves data in the caches of the processor that deciphered it; but while that code
    /// runs, nothing else of the same socket moves, so it must be short and never block. Default false.
    /// </summary>
    public bool UnsafePreferInlineScheduling { get; init; }

    /// <summary>The clock and its timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>
    /// Where log lines go (docs/telemetry.md). Default: nowhere. They are written on the thread pool; those that a logger does
    /// not keep up with are dropped.
    /// </summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>
    /// Where datagram buffers are rented. Default: the process's shared pool; a tracking one finds leaks in tests.
    /// </summary>
    public PacketPool BufferPool { get; init; } = PacketPool.Shared;

    /// <summary>A logger that may be used on a shard's turn.</summary>
    internal ILogger NewLogger(string category) => Telemetry.BackgroundLogger.Over(LoggerFactory, category);

    /// <summary>
    /// Fails if a value is out of its range, alone or together with others. Connecting and listening ask it first; by itself it is for
    /// settings that are read long before they are used.
    /// </summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    public virtual void Validate()
    {
        ArgumentNullException.ThrowIfNull(Profile);
        Profile.Validate();
        if (StreamBacklog is < 1 or > 65536)
        {
            throw new ArgumentOutOfRangeException(nameof(StreamBacklog), StreamBacklog, "StreamBacklog must be from 1 to 65536.");
        }

        if (CloseTimeout < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(CloseTimeout), CloseTimeout, "CloseTimeout must not be negative.");
        }
    }

    /// <summary>Puts the profile's packet protection and the application's middleware around a link.</summary>
    internal IDatagramLink Decorate(IDatagramLink link)
    {
        DatagramLinkBuilder builder = DatagramLinkBuilder.Empty;
        if (Profile.PacketProtection is { } protection)
        {
            RefusalLog? log = NewRefusalLog();
            builder = builder.Use(next => new TransformLink(next, protection(), protection()) { RefusalLog = log });
        }

        return (ConfigureLink?.Invoke(builder) ?? builder).Build(link);
    }

    /// <summary>Who is told of datagrams that do not decipher; null for nobody.</summary>
    private protected virtual RefusalLog? NewRefusalLog() => null;

    /// <summary>Makes the engine's endpoint over a link.</summary>
    internal TransportEndpoint NewEndpoint(EndpointRole role, IDatagramLink link, Timestamp now) =>
        Profile.NewEndpoint(role, NewSessionLink(link, now));

    /// <summary>What a link leaves the engine of a datagram, and what else the engine has to know.</summary>
    internal SessionLink NewSessionLink(IDatagramLink link, Timestamp now)
    {
        DatagramLinkCapabilities below = link.Capabilities;
        int most = Math.Min(below.MaxDatagramSize, Profile.Mtu - below.Headroom - below.Tailroom);
        Runtime.PoolKeeper.Shared.Watch(BufferPool);
        Runtime.PoolKeeper.Shared.Watch(Udp.BlockPool);
        return new SessionLink(most, below.Headroom, below.Tailroom, BufferPool)
        {
            Random = RandomNumberGenerator.Fill,
            UtcAtZero = TimeProvider.GetUtcNow() - (now - Timestamp.Zero),
            LocalPort = (link.LocalEndPoint as IPEndPoint)?.Port ?? 0,
        };
    }

    // The peer may have been given a larger mtu than this side: everything is taken in that can be sent
    // (docs/wire/kcptun.md 3.9).
    internal UdpLinkOptions UdpSettings => Udp with
    {
        MaxDatagramSize = TransportProfile.MaxMtu,
        Pool = BufferPool,
        SendBufferSize = Udp.SendBufferSize ?? Profile.SocketBuffer,
        ReceiveBufferSize = Udp.ReceiveBufferSize ?? Profile.SocketBuffer,
        Dscp = Udp.Dscp ?? Profile.Dscp,
        Logger = Udp.Logger ?? NewLogger(CausewayLog.LinkCategory),
    };
}

/// <summary>Settings of <see cref="CausewayConnection.ConnectAsync"/>.</summary>
public sealed record CausewayClientOptions : CausewayOptions
{
    /// <summary>The server: a <see cref="DnsEndPoint"/> or an <see cref="IPEndPoint"/>.</summary>
    public required EndPoint RemoteEndPoint { get; init; }

    /// <summary>
    /// How long to wait for a first answer of <see cref="RemoteEndPoint"/> before one from another address with the same port
    /// is taken too, as a server with several addresses may send it. It has to pass the packet protection and to name the
    /// conversation, whose 32-bit id is random; whoever sends the first such answer is listened to from then on. More than
    /// zero, or <see cref="Timeout.InfiniteTimeSpan"/> for never. Default 300 ms. Needs Linux; elsewhere only
    /// <see cref="RemoteEndPoint"/> can answer.
    /// </summary>
    public TimeSpan AcceptAnySourceAfter { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>
    /// Decides when the connection goes another way, by a new socket. Default: when this machine's address changes, and when the peer
    /// has been silent for three seconds (<see cref="MigrationPolicy.Default"/>). Means nothing with the kcptun profile.
    /// </summary>
    public MigrationPolicy Migration { get; init; } = MigrationPolicy.Default;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(RemoteEndPoint);
        ArgumentNullException.ThrowIfNull(Migration);

        // A link of the application's own may give addresses any meaning.
        if (CreateLink is null && !CanBeReached(RemoteEndPoint))
        {
            throw new ArgumentException(
                $"RemoteEndPoint is {RemoteEndPoint}; it must be a name, or an address that one host has, with a port from 1 to 65535.",
                nameof(RemoteEndPoint));
        }

        if (AcceptAnySourceAfter <= TimeSpan.Zero && AcceptAnySourceAfter != Timeout.InfiniteTimeSpan)
        {
            throw new ArgumentOutOfRangeException(
                nameof(AcceptAnySourceAfter), AcceptAnySourceAfter, "AcceptAnySourceAfter must be more than zero, or infinite.");
        }
    }

    private static bool CanBeReached(EndPoint remote) => remote switch
    {
        IPEndPoint ip => ip.Port != 0 && !IsAny(ip.Address),
        DnsEndPoint dns => dns.Port != 0,
        _ => true,
    };

    private static bool IsAny(IPAddress address) =>
        address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || (address.IsIPv4MappedToIPv6 && IsAny(address.MapToIPv4()));
}

/// <summary>Settings of <see cref="CausewayListener.ListenAsync"/>.</summary>
public sealed record CausewayListenerOptions : CausewayOptions
{
    /// <summary>The address and port to listen on; port 0 takes a free one.</summary>
    public required IPEndPoint ListenEndPoint { get; init; }

    /// <summary>
    /// Connections that may be open at a time, at least 1. Default 65536. Each costs 10 to 25 kilobytes even when idle (docs/performance.md), and
    /// with an unauthenticated cipher a peer needs no secret to open one. Datagrams of further peers are dropped and
    /// counted.
    /// </summary>
    public int MaxConnections { get; init; } = 65536;

    /// <summary>
    /// Connections that may wait for <see cref="CausewayListener.AcceptConnectionAsync"/>, at least 1. Default 128, as
    /// in the reference (docs/wire/kcptun.md 5.12).
    /// </summary>
    public int ConnectionBacklog { get; init; } = 128;

    /// <summary>
    /// Sockets that share the port, each with the work of its connections on a processor of its own; 0 for one for each
    /// processor, at most 256. The kernel spreads peers over them, so that more than one pays off with many clients
    /// only. Needs Linux; elsewhere, and with <see cref="CausewayOptions.CreateLink"/>, there is one. With several,
    /// another process of the same user can bind the port too and gets part of the datagrams. Default 1.
    /// </summary>
    /// <remarks>
    /// Datagrams that reach another socket than their connection's are handed over, which costs something for each of them: those of a
    /// QUIC client for good, once its port or network has changed.
    /// </remarks>
    public int Shards { get; init; } = 1;

    /// <summary>
    /// Sessions that are remembered after they were opened, at least; 0 to 1048576, default 16384, at most twice as many. A
    /// datagram that would open one of them again is refused and counted, from whatever address it comes: somebody
    /// recorded it. All listeners with the same <see cref="CausewayOptions.Profile"/> share the memory, which lasts until the
    /// last of them is disposed; a restarted process remembers nothing. It grows with use, to some 290 bytes for each of this number.
    /// KCP's clients choose one of 2^32 ids at random, so that an honest one is refused by chance with a probability of
    /// the remembered sessions in 2^32 (at the default at most 8 in a million) and succeeds when it connects anew. 0
    /// remembers nothing.
    /// </summary>
    public int ReplayWindow { get; init; } = 16384;

    internal int ShardCount =>
        CreateLink is not null || !OperatingSystem.IsLinux() ? 1
        : Shards == 0 ? Math.Min(Environment.ProcessorCount, MaxShards)
        : Shards;

    private const int MaxShards = 256;
    private const int MaxReplayWindow = 1 << 20;

    private protected override RefusalLog? NewRefusalLog() =>
        LoggerFactory is NullLoggerFactory ? null : new RefusalLog(NewLogger(Telemetry.CausewayLog.ListenerCategory), TimeProvider);

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(ListenEndPoint);
        if (MaxConnections < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxConnections), MaxConnections, "MaxConnections must be at least 1.");
        }

        if (Shards is < 0 or > MaxShards)
        {
            throw new ArgumentOutOfRangeException(nameof(Shards), Shards, $"Shards must be from 0 to {MaxShards}.");
        }

        if (ReplayWindow is < 0 or > MaxReplayWindow)
        {
            throw new ArgumentOutOfRangeException(
                nameof(ReplayWindow), ReplayWindow, $"ReplayWindow must be from 0 (off) to {MaxReplayWindow}.");
        }

        if (ConnectionBacklog < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(ConnectionBacklog), ConnectionBacklog, "ConnectionBacklog must be at least 1.");
        }
    }
}
