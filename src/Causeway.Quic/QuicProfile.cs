using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Qlog;

namespace Causeway.Quic;

/// <summary>
/// QUIC v1 and v2 with TLS 1.3 (RFC 9000, 9001, 9002, 9369), in managed code: it speaks to every QUIC peer, wherever .NET runs.
/// </summary>
/// <remarks>
/// One profile serves clients, listeners or both, by which of <see cref="ClientAuthentication"/> and
/// <see cref="ServerAuthentication"/> is set. Tickets that its listeners give out are good for all of them.
/// </remarks>
public sealed record QuicProfile : TransportProfile
{
    // Random bytes come with the first endpoint; a profile that is copied by "with" shares what was made.
    private readonly TicketHolder _tickets = new();
    private readonly RegisterHolder _register = new();

    /// <summary>How clients know their server. A client's profile needs it: there is no unauthenticated QUIC.</summary>
    public ClientAuthentication? ClientAuthentication { get; init; }

    /// <summary>How listeners show who they are. A listener's profile needs it.</summary>
    public ServerAuthentication? ServerAuthentication { get; init; }

    /// <summary>
    /// After how long without a sign of the peer the connection is over; the smaller of both ends' counts (RFC 9000, 10.1). Zero
    /// leaves it to the peer. At most a day. Default 30 seconds.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a connection may be quiet before the peer is asked for a sign of life, which also keeps NATs from forgetting it.
    /// Zero for never; else at least 100 ms. Default 15 seconds.
    /// </summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a handshake may take; 100 ms to an hour. Default 10 seconds.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bidirectional streams that the peer may have open at once, 0 to 2^60. Default 1024.</summary>
    public long MaxInboundBidirectionalStreams { get; init; } = 1024;

    /// <summary>Unidirectional streams that the peer may have open at once, 0 to 2^60. Default 1024.</summary>
    public long MaxInboundUnidirectionalStreams { get; init; } = 1024;

    /// <summary>The code with which streams are given up unless the application names one; 0 to 2^62 - 1. Default 0.</summary>
    public long DefaultStreamErrorCode { get; init; }

    /// <summary>Whether QUIC v2 is begun with, or answered with, where the peer knows it (RFC 9369). Default false: v1.</summary>
    public bool PrefersVersion2 { get; init; }

    /// <summary>
    /// Whether a client may change its address on purpose. False is for servers behind something that finds connections by the
    /// client's address (disable_active_migration, RFC 9000, 18.2); a client whose NAT gave it another one is followed all the same.
    /// Default true. Means nothing at clients.
    /// </summary>
    public bool AllowsMigration { get; init; } = true;

    /// <summary>
    /// Whether the latency spin bit turns, by which the network may read the round-trip time (RFC 9000, 17.4); on one path in
    /// sixteen it does not. Default false.
    /// </summary>
    public bool SpinBit { get; init; }

    /// <summary>
    /// Forward error correction between two ends of Causeway, for datagrams and for streams of little data. Default on, which costs
    /// nothing on a path without losses, to streams that fill it, or towards other peers.
    /// </summary>
    public QuicFecOptions Fec { get; init; } = new();

    /// <summary>
    /// When a listener has clients prove their address before it spends anything on them, which costs them a round trip (RFC 9000,
    /// 8.1.2). Default: while many handshakes are under way.
    /// </summary>
    public AddressValidationMode AddressValidation { get; init; } = AddressValidationMode.UnderLoad;

    /// <summary>
    /// At a listener: the IPv4 address that clients shall move to once the handshake is over (preferred_address; RFC 9000, 9.6), as that
    /// of one host behind an address that many share. Port 0 is the listener's own. Null, the default, for none.
    /// </summary>
    /// <remarks>
    /// The listener has to receive there: it is bound to any address, on the same port, and to see which of its addresses a client
    /// speaks to it needs Linux. Clients that cannot reach the address stay where they are. A client of this library moves on Linux.
    /// </remarks>
    public IPEndPoint? PreferredIPv4EndPoint { get; init; }

    /// <summary>The same as <see cref="PreferredIPv4EndPoint"/> for clients that came by IPv6.</summary>
    public IPEndPoint? PreferredIPv6EndPoint { get; init; }

    /// <summary>
    /// Groups of the key exchange, the preferred one first, of "X25519MLKEM768" (hybrid, safe against quantum computers to come),
    /// "X25519", "P-256" and "P-384". Default: all of them in this order. A listener under load is cheaper without the first.
    /// </summary>
    public IReadOnlyList<string> KeyExchangeGroups { get; init; } = DefaultKeyExchangeGroups;

    /// <summary>The default of <see cref="KeyExchangeGroups"/>.</summary>
    public static IReadOnlyList<string> DefaultKeyExchangeGroups { get; } = Array.AsReadOnly<string>(["X25519MLKEM768", "X25519", "P-256", "P-384"]);

    /// <summary>
    /// After how many packets keys are changed (RFC 9001, 6), at least; they are changed in time whatever it is. 0, the default, for
    /// no sooner than needed.
    /// </summary>
    public long KeyUpdateInterval { get; init; }

    /// <summary>
    /// What an earlier connection to the same server gave by <see cref="QuicStatistics.ResumptionTicket"/>, so that this one need not
    /// prove everything again (RFC 8446, 2.2). Empty, the default, for none. It is secret, and good for one connection.
    /// </summary>
    public ReadOnlyMemory<byte> ResumptionTicket { get; init; }

    /// <summary>
    /// What an earlier connection to the same server gave by <see cref="QuicStatistics.AddressToken"/>, so that the server believes
    /// the client's address without a Retry (RFC 9000, 8.1.3). Empty, the default, for none. Good for one connection.
    /// </summary>
    public ReadOnlyMemory<byte> AddressToken { get; init; }

    /// <summary>
    /// Whether streams may carry data in the first flight, before the handshake (0-RTT; RFC 8446, 2.3). Default false.
    /// </summary>
    /// <remarks>
    /// <para>
    /// At a client with a <see cref="ResumptionTicket"/>, connecting then ends at once, and what is written to streams of
    /// <c>CausewayConnection.OpenReplaySafeStreamAsync</c> leaves at once; everything else waits for the handshake. If the server
    /// does not take it, it is sent again after the handshake.
    /// </para>
    /// <para>
    /// Whoever records early data can send it again. A listener takes each first flight once, but servers that share a
    /// <see cref="ServerSecret"/> take it once each (RFC 8446, 8.2): mark only requests that may be carried out twice. A server
    /// that must not act on such data waits with <c>CausewayConnection.WaitForHandshakeAsync</c>.
    /// </para>
    /// </remarks>
    public bool AllowsEarlyData { get; init; }

    /// <summary>
    /// What a listener keeps over its restarts, or shares with other servers of its name: 32 random bytes at least, from which the
    /// keys of session tickets, address tokens and stateless resets come. Empty, the default, for one that comes from the key of
    /// <see cref="ServerAuthentication.WithKey"/>, else for a random one: tickets then end with the process, and clients of a
    /// server that was killed wait for their idle timeout.
    /// </summary>
    /// <remarks>
    /// Servers of different hosts that are up at the same time may share it only if a client's packets always reach the same one of
    /// them: a server resets connections that it does not know (RFC 9000, 21.11).
    /// </remarks>
    public ReadOnlyMemory<byte> ServerSecret { get; init; }

    /// <summary>
    /// What load balancers in front of a listener read from its connection ids (QUIC-LB). Null, the default, for ids that nobody reads
    /// anything from. Needs <see cref="ServerAuthentication"/>: clients' ids are random in any case.
    /// </summary>
    public ConnectionIdRouting? ConnectionIds { get; init; }

    /// <summary>
    /// Takes the secrets of each connection as lines of an SSLKEYLOGFILE, by which Wireshark reads it. Null, the default, keeps
    /// them. Whoever has the lines can read and change everything.
    /// </summary>
    public Action<string>? KeyLog { get; init; }

    /// <summary>
    /// Opens the stream for the qlog of a connection, given a file name such as "a1b2c3d4e5f60718_server.sqlog"; null, or an answer of
    /// null, for none. The log has every packet with its frames, and the state of recovery (JSON-SEQ, qlog 0.3).
    /// </summary>
    /// <remarks>
    /// Default null, which costs nothing. A log costs about a microsecond and 250 bytes for each packet, on the thread that drives
    /// the connection, which also waits for the stream's writes: take a buffered file, not a network. The stream is written in pieces of
    /// 32 KiB and disposed at the connection's end; if it fails, the log ends and the connection goes on. A log has no keys, tokens or
    /// contents of streams, but it shows addresses, connection ids, sizes and times. A listener opens one for whoever begins a handshake.
    /// </remarks>
    public Func<string, Stream?>? Qlog { get; init; }

    /// <inheritdoc/>
    public override int LeastMtu => QuicLimits.MinInitialDatagramSize;

    /// <inheritdoc/>
    public override string StreamProtocol => "QUIC";

    internal Func<TlsClientOptions, TlsClientOptions>? ConfigureClient { get; init; }

    internal Func<TlsServerOptions, TlsServerOptions>? ConfigureServer { get; init; }

    internal Func<QuicSettings, QuicSettings>? ConfigureSettings { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Check(IdleTimeout, TimeSpan.Zero, TimeSpan.FromDays(1), nameof(IdleTimeout));
        Check(HandshakeTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1), nameof(HandshakeTimeout));
        if (KeepAliveInterval != TimeSpan.Zero)
        {
            Check(KeepAliveInterval, TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1), nameof(KeepAliveInterval));
        }

        Check(MaxInboundBidirectionalStreams, 1L << 60, nameof(MaxInboundBidirectionalStreams));
        Check(MaxInboundUnidirectionalStreams, 1L << 60, nameof(MaxInboundUnidirectionalStreams));
        Check(DefaultStreamErrorCode, (1L << 62) - 1, nameof(DefaultStreamErrorCode));
        Check(KeyUpdateInterval, long.MaxValue, nameof(KeyUpdateInterval));
        ArgumentNullException.ThrowIfNull(Fec);
        Fec.Validate();
        if (!ServerSecret.IsEmpty && ServerSecret.Length < Quic.ServerSecret.MinLength)
        {
            throw new ArgumentException(
                $"ServerSecret has {ServerSecret.Length} bytes; there must be {Quic.ServerSecret.MinLength} at least, or none.", nameof(ServerSecret));
        }

        ConnectionIds?.Validate();
        if (ConnectionIds is not null && ServerAuthentication is null)
        {
            throw new ArgumentException("ConnectionIds is for listeners, and this profile has no ServerAuthentication.", nameof(ConnectionIds));
        }

        _ = Groups;
        CheckPreferred(PreferredIPv4EndPoint, AddressFamily.InterNetwork, nameof(PreferredIPv4EndPoint));
        CheckPreferred(PreferredIPv6EndPoint, AddressFamily.InterNetworkV6, nameof(PreferredIPv6EndPoint));
        if (PacketProtection is not null || StreamCipher is not null)
        {
            throw new ArgumentException(
                "PacketProtection and StreamCipher are for profiles that do not protect packets themselves; QUIC does.", nameof(PacketProtection));
        }

        if (ClientAuthentication is null && ServerAuthentication is null)
        {
            throw new ArgumentException(
                "A QUIC profile needs ClientAuthentication to connect or ServerAuthentication to listen.", nameof(ClientAuthentication));
        }
    }

    /// <inheritdoc/>
    public override TransportEndpoint NewEndpoint(EndpointRole role, in SessionLink link) => new QuicEndpoint(role, NewSettings(role, in link));

    /// <inheritdoc/>
    public override IReadOnlyList<TransportEndpoint> NewListenerEndpoints(IReadOnlyList<SessionLink> links)
    {
        ArgumentNullException.ThrowIfNull(links);
        if (links.Count <= 1)
        {
            return base.NewListenerEndpoints(links);
        }

        // Any of them takes another's tokens, and resets what was another's before the listener was started again.
        QuicSettings[] settings = [.. links.Select(link => NewSettings(EndpointRole.Server, in link))];
        SharedPort port = new(settings.Length, settings[0]);
        byte[] keys = new byte[AddressTokenKeys.KeyLength + StatelessResetKey.Length];
        settings[0].Random(keys);
        ReadOnlyMemory<byte> tokenKey = settings[0].TokenKey.IsEmpty ? keys.AsMemory(0, AddressTokenKeys.KeyLength) : settings[0].TokenKey;
        ReadOnlyMemory<byte> resetKey = settings[0].ResetKey.IsEmpty ? keys.AsMemory(AddressTokenKeys.KeyLength) : settings[0].ResetKey;
        QuicEndpoint[] endpoints =
        [
            .. settings.Select((own, shard) =>
                new QuicEndpoint(EndpointRole.Server, own with { Port = port, Shard = shard, TokenKey = tokenKey, ResetKey = resetKey })),
        ];

        // Each endpoint has its copy.
        CryptographicOperations.ZeroMemory(keys);
        return endpoints;
    }

    private QuicSettings NewSettings(EndpointRole role, in SessionLink link)
    {
        RandomBytes random = link.Random ?? throw new ArgumentException("QUIC needs random bytes.", nameof(link));
        HandshakeEnvironment environment = new(random, link.UtcAtZero);
        Authenticator authenticator = NewAuthenticator(role, environment);
        ReadOnlyMemory<byte> secret = role == EndpointRole.Server ? Secret : default;
        QuicSettings settings = new()
        {
            TokenKey = secret.IsEmpty ? default : Quic.ServerSecret.TokenKey(secret.Span),
            ResetKey = secret.IsEmpty ? default : Quic.ServerSecret.ResetKey(secret.Span, link.LocalPort),
            Handshake = authenticator.NewHandshake,
            Ask = authenticator.Ask,
            Random = random,
            Link = link,
            CongestionControl = CongestionControl,
            Versions = PrefersVersion2 ? [QuicVersion.V2, QuicVersion.V1] : [QuicVersion.V1, QuicVersion.V2],
            IdleTimeout = (long)IdleTimeout.TotalMicroseconds,
            KeepAlive = (long)KeepAliveInterval.TotalMicroseconds,
            HandshakeTimeout = (long)HandshakeTimeout.TotalMicroseconds,
            MemoryBudget = MemoryBudget,
            BidirectionalStreams = MaxInboundBidirectionalStreams,
            UnidirectionalStreams = MaxInboundUnidirectionalStreams,
            UtcAtZero = link.UtcAtZero,
            Retry = AddressValidation,
            KeyUpdateInterval = KeyUpdateInterval,
            SpinBit = SpinBit,
            Fec = Fec,
            AllowsMigration = AllowsMigration,
            AddressToken = AddressToken,
            DefaultStreamErrorCode = DefaultStreamErrorCode,
            Routing = role == EndpointRole.Server ? ConnectionIds : null,
            Qlog = QlogTrace.Opener(Qlog),
            PreferredIPv4 = role == EndpointRole.Server ? PreferredAddressOf(PreferredIPv4EndPoint, in link, nameof(PreferredIPv4EndPoint)) : default,
            PreferredIPv6 = role == EndpointRole.Server ? PreferredAddressOf(PreferredIPv6EndPoint, in link, nameof(PreferredIPv6EndPoint)) : default,
        };
        return ConfigureSettings?.Invoke(settings) ?? settings;
    }

    private ReadOnlyMemory<byte> Secret => ServerSecret.IsEmpty && ServerAuthentication is { } server ? server.Secret : ServerSecret;

    private NamedGroup[] Groups => KeyExchangeGroups.Count == 0
        ? throw new ArgumentException("KeyExchangeGroups is empty; there must be one at least.", nameof(KeyExchangeGroups))
        : [.. KeyExchangeGroups.Select(static name => name.ToUpperInvariant() switch
        {
            "X25519MLKEM768" => NamedGroup.X25519MLKem768,
            "X25519" => NamedGroup.X25519,
            "P-256" or "SECP256R1" => NamedGroup.Secp256r1,
            "P-384" or "SECP384R1" => NamedGroup.Secp384r1,
            _ => throw new ArgumentException(
                $"KeyExchangeGroups has \"{name}\"; allowed: {string.Join(", ", DefaultKeyExchangeGroups)}.", nameof(KeyExchangeGroups)),
        })];

    private Authenticator NewAuthenticator(EndpointRole role, HandshakeEnvironment environment)
    {
        KeyLog? keyLog = KeyLog is { } write
            ? (label, clientRandom, secret) => write($"{label} {Convert.ToHexStringLower(clientRandom)} {Convert.ToHexStringLower(secret)}")
            : null;
        if (role == EndpointRole.Client)
        {
            ClientAuthentication client = ClientAuthentication
                ?? throw new InvalidOperationException("The profile has no ClientAuthentication, so that it cannot connect.");
            TlsClientOptions tls = client.ToTls() with { KeyLog = keyLog, Groups = Groups, Session = ResumptionTicket, OfferEarlyData = AllowsEarlyData };
            return new Authenticator(
                ConfigureClient?.Invoke(tls) ?? tls, client.Checker, server: null, static resolved => resolved.Tls, environment);
        }

        ServerAuthentication server = ServerAuthentication
            ?? throw new InvalidOperationException("The profile has no ServerAuthentication, so that it cannot listen.");
        NamedGroup[] groups = Groups;
        StrikeRegister? register = AllowsEarlyData ? _register.GetOrCreate(environment) : null;
        byte[] limits = EarlyDataContext();
        TicketSealer tickets = _tickets.GetOrCreate(Secret, environment.Random);
        return new Authenticator(
            client: null,
            serverChecker: null,
            server,
            resolved =>
            {
                TlsServerOptions tls = resolved.Tls with
                {
                    KeyLog = keyLog,
                    Groups = groups,
                    Tickets = resolved.Tls.AllowResumption ? tickets : null,
                    EarlyData = register,
                    EarlyDataContext = limits,
                };
                return ConfigureServer?.Invoke(tls) ?? tls;
            },
            environment);
    }

    // What clients remember as limits: early data that was sent under others is refused (RFC 9001, 4.6.1).
    private byte[] EarlyDataContext() => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"{MemoryBudget} {MaxInboundBidirectionalStreams} {MaxInboundUnidirectionalStreams}"));

    private static void CheckPreferred(IPEndPoint? preferred, AddressFamily family, string name)
    {
        if (preferred is null)
        {
            return;
        }

        IPAddress address = preferred.Address;
        bool isOfOneHost = family == AddressFamily.InterNetwork
            ? address.AddressFamily == family && !address.Equals(IPAddress.Any) && address.GetAddressBytes()[0] < 224
            : address.AddressFamily == family && !address.Equals(IPAddress.IPv6Any) && !address.IsIPv6Multicast && !address.IsIPv4MappedToIPv6;
        if (!isOfOneHost)
        {
            throw new ArgumentException(
                $"{name} is {preferred}; it must be an address that one host has, of {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")}.", name);
        }
    }

    private static PeerAddress PreferredAddressOf(IPEndPoint? preferred, in SessionLink link, string name)
    {
        if (preferred is null)
        {
            return default;
        }

        return preferred.Port == 0 || link.LocalPort == 0 || preferred.Port == link.LocalPort
            ? PeerAddress.FromEndPoint(preferred.Port == 0 ? new IPEndPoint(preferred.Address, link.LocalPort) : preferred)
            : throw new ArgumentException(
                $"{name} is {preferred}, and the listener's port is {link.LocalPort}; the port must be that or 0.", name);
    }

    private static void Check(TimeSpan value, TimeSpan least, TimeSpan most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {least} to {most}.");
        }
    }

    private static void Check(long value, long most, string name)
    {
        if (value < 0 || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from 0 to {most}.");
        }
    }

    /// <summary>What first flights were taken, by all listeners that share the profile: each is taken once.</summary>
    private sealed class RegisterHolder
    {
        // Of 128 KiB. From half of it on early data begins to be refused: some 8000 in twenty seconds.
        private const int Capacity = 16384;

        private StrikeRegister? _register;

        public StrikeRegister GetOrCreate(HandshakeEnvironment environment)
        {
            StrikeRegister? made = _register;
            if (made is null)
            {
                made = new StrikeRegister(Capacity, environment, Timestamp.Zero);
                made = Interlocked.CompareExchange(ref _register, made, null) ?? made;
            }

            return made;
        }
    }

    /// <summary>The keys of session tickets; random ones are made once for all that share the profile.</summary>
    private sealed class TicketHolder
    {
        private TicketSealer? _random;

        public TicketSealer GetOrCreate(ReadOnlyMemory<byte> secret, RandomBytes random)
        {
            if (!secret.IsEmpty)
            {
                return TicketSealer.Create(secret);
            }

            TicketSealer? made = _random;
            if (made is null)
            {
                made = TicketSealer.Create(random);
                made = Interlocked.CompareExchange(ref _random, made, null) ?? made;
            }

            return made;
        }
    }
}
