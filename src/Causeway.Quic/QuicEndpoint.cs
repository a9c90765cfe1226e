using System.Diagnostics.CodeAnalysis;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// The QUIC sessions of a link, found by connection id (RFC 9000, 5.2). It answers what belongs to none: Version Negotiation,
/// Retry, stateless reset.
/// </summary>
internal sealed class QuicEndpoint : TransportEndpoint, IConnectionIdRegistry
{
    // As long as that a guess is hopeless, and short enough to cost little in each packet.
    private const int IdLength = 8;

    private readonly QuicSettings _settings;
    private readonly StatelessResetKey _resetKey;
    private readonly Dictionary<ConnectionId, QuicSession> _byId = [];
    private readonly HashSet<QuicSession> _sessions = [];
    private QuicOpening _opening;
    private PacketBuffer? _answer;

    /// <summary>Makes an endpoint without sessions.</summary>
    public QuicEndpoint(EndpointRole role, QuicSettings settings)
        : base(role)
    {
        _settings = settings;
        Span<byte> key = stackalloc byte[StatelessResetKey.Length];
        settings.Random(key);
        _resetKey = new StatelessResetKey(key);
    }

    /// <inheritdoc/>
    public override bool FindsSessionsById => true;

    /// <inheritdoc/>
    public override int SessionCount => _sessions.Count;

    /// <summary>Counters of what belonged to no session.</summary>
    public QuicEndpointCounters Counters { get; } = new();

    /// <inheritdoc/>
    public override Routing Route(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (!InvariantHeader.TryRead(datagram.Payload, IdLength, out InvariantHeader header)
            || header.DestinationId.Length > ConnectionId.MaxLength)
        {
            Counters.Malformed++;
            return new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false);
        }

        if (_byId.TryGetValue(new ConnectionId(header.DestinationId), out QuicSession? session))
        {
            return new Routing(RoutingKind.Session, session, session.RoutingId, IsFirst: false);
        }

        if (Role == EndpointRole.Client)
        {
            return RouteReset(datagram);
        }

        return header.IsLong ? RouteLong(datagram, in header) : RouteUnknown(datagram, in header);
    }

    /// <inheritdoc/>
    public override bool TryTakeAnswer([NotNullWhen(true)] out PacketBuffer? answer)
    {
        answer = _answer;
        _answer = null;
        return answer is not null;
    }

    /// <inheritdoc/>
    public override QuicSession Connect(uint routingId, Timestamp now)
    {
        ConnectionId destination = ConnectionId.CreateRandom(IdLength, _settings.Random);
        QuicOpening opening = new()
        {
            Version = _settings.Versions[0],
            DestinationId = destination,
            OriginalDestinationId = destination,
        };
        QuicSession session = new(EndpointRole.Client, _settings, this, in opening, now);
        _sessions.Add(session);
        return session;
    }

    /// <inheritdoc/>
    public override QuicSession Accept(PeerAddress peer, uint routingId, Timestamp now)
    {
        QuicSession session = new(EndpointRole.Server, _settings, this, in _opening, now) { Peer = peer };
        _sessions.Add(session);
        return session;
    }

    /// <inheritdoc/>
    public override PacketBuffer NewGoodbye(uint routingId, GoodbyeReason reason, bool isAnswer) =>
        throw new NotSupportedException("A QUIC session says by itself that it is over.");

    /// <inheritdoc/>
    public override void Remove(TransportSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        _sessions.Remove((QuicSession)session);
    }

    ConnectionId IConnectionIdRegistry.Add(QuicSession session)
    {
        ConnectionId id;
        do
        {
            id = ConnectionId.CreateRandom(IdLength, _settings.Random);
        }
        while (!_byId.TryAdd(id, session));
        return id;
    }

    void IConnectionIdRegistry.Add(in ConnectionId id, QuicSession session) => _byId.TryAdd(id, session);

    void IConnectionIdRegistry.Remove(in ConnectionId id) => _byId.Remove(id);

    StatelessResetToken IConnectionIdRegistry.TokenOf(in ConnectionId id) => _resetKey.TokenOf(id);

    void IConnectionIdRegistry.AddResetToken(in StatelessResetToken token, QuicSession session)
    {
        // A client finds its one session without; a server is never reset by a client that closed its socket.
    }

    void IConnectionIdRegistry.RemoveResetToken(in StatelessResetToken token)
    {
    }

    // A reset comes with an id that nobody issued. It can only be for a session of this socket.
    private Routing RouteReset(PacketBuffer datagram)
    {
        foreach (QuicSession session in _sessions)
        {
            return new Routing(RoutingKind.Session, session, session.RoutingId, IsFirst: false);
        }

        _ = datagram;
        return new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false);
    }

    private Routing RouteLong(PacketBuffer datagram, in InvariantHeader invariants)
    {
        if (!PacketHeader.TryRead(datagram.Payload, IdLength, _settings.Grease, out PacketHeader header))
        {
            Counters.Malformed++;
            return new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false);
        }

        if (header.Type == PacketType.OtherVersion || (header.Type == PacketType.Initial && !_settings.Versions.Contains(header.Version)))
        {
            AnswerVersions(datagram, in invariants);
            return new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false);
        }

        // RFC 9000, 14.1 and 7.2: shorter datagrams, and ids that can be guessed, are not answered.
        if (header.Type != PacketType.Initial || datagram.Length < QuicLimits.MinInitialDatagramSize || header.DestinationId.Length < 8)
        {
            Counters.NotOpening++;
            return new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false);
        }

        ConnectionId destination = new(header.DestinationId);
        _opening = new QuicOpening
        {
            Version = header.Version,
            DestinationId = destination,
            OriginalDestinationId = destination,
            SourceId = new ConnectionId(header.SourceId),
            Path = datagram.Path,
        };
        return new Routing(RoutingKind.Opening, null, (uint)destination.GetHashCode(), IsFirst: true);
    }

    private Routing RouteUnknown(PacketBuffer datagram, in InvariantHeader header)
    {
        Counters.Unknown++;
        ConnectionId id = new(header.DestinationId);
        PacketBuffer reset = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        Span<byte> room = reset.Append(StatelessReset.MaxLength);
        int length = StatelessReset.Write(room, datagram.Length, _resetKey.TokenOf(id), _settings.Random);
        if (length == 0)
        {
            reset.Release();
        }
        else
        {
            reset.Truncate(length);
            SetAnswer(reset, datagram);
            Counters.ResetsSent++;
        }

        return new Routing(RoutingKind.UnknownSession, null, 0, IsFirst: false);
    }

    private void AnswerVersions(PacketBuffer datagram, in InvariantHeader header)
    {
        Counters.OtherVersion++;
        if (datagram.Length < QuicLimits.MinInitialDatagramSize || header.SourceId.Length > ConnectionId.MaxLength)
        {
            return;
        }

        Span<byte> random = stackalloc byte[sizeof(ulong)];
        _settings.Random(random);
        PacketBuffer answer = _settings.Link.Pool.Rent(_settings.Link.Headroom);
        Span<byte> room = answer.Append(128);
        int length = VersionNegotiationPacket.Write(room, in header, [.. _settings.Versions], BitConverter.ToUInt64(random));
        answer.Truncate(length);
        SetAnswer(answer, datagram);
    }

    private void SetAnswer(PacketBuffer answer, PacketBuffer datagram)
    {
        answer.Path = datagram.Path;
        _answer?.Release();
        _answer = answer;
    }
}

/// <summary>Counters of datagrams that belonged to no session.</summary>
internal sealed class QuicEndpointCounters
{
    /// <summary>They do not begin as a packet does.</summary>
    public long Malformed { get; set; }

    /// <summary>Long headers that cannot begin a connection.</summary>
    public long NotOpening { get; set; }

    /// <summary>Their version is not spoken.</summary>
    public long OtherVersion { get; set; }

    /// <summary>Short headers of connections that nobody knows.</summary>
    public long Unknown { get; set; }

    /// <summary>Stateless resets that answered those.</summary>
    public long ResetsSent { get; set; }
}
