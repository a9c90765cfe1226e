using System.Diagnostics.CodeAnalysis;
using Causeway.Quic.Paths;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <summary>
/// The QUIC sessions of a link, found by connection id (RFC 9000, 5.2). It answers what belongs to none: Version Negotiation,
/// Retry, refusal, stateless reset.
/// </summary>
internal sealed partial class QuicEndpoint : TransportEndpoint
{
    // Of ids that a client chooses for the server to begin with (RFC 9000, 7.2).
    private const int FirstIdLength = 8;

    private readonly QuicSettings _settings;
    private readonly StatelessResetKey _resetKey;
    private readonly AddressTokenKeys _tokenKeys;
    private readonly ConnectionIdSource _ids;
    private readonly HandshakeCounts? _handshakes;
    private readonly HandshakeAdmission _admission;
    private readonly Dictionary<ConnectionId, QuicSession> _byId = [];
    private readonly HashSet<QuicSession> _sessions = [];
    private QuicOpening _opening;
    private PacketBuffer? _answer;
    private bool _disposed;

    /// <summary>Makes an endpoint without sessions.</summary>
    public QuicEndpoint(EndpointRole role, QuicSettings settings)
        : base(role)
    {
        // A server finds its sessions by nothing else.
        IdLength = settings.Routing?.IdLength ?? settings.IdLength;
        ArgumentOutOfRangeException.ThrowIfLessThan(IdLength, role == EndpointRole.Server ? 4 : 0, nameof(settings));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(IdLength, ConnectionId.MaxLength, nameof(settings));
        _settings = settings;
        _port = settings.Port;
        _ids = ConnectionIdSource.Create(settings);
        _handshakes = _port?.Handshakes ?? (role == EndpointRole.Server ? new HandshakeCounts(settings) : null);
        _admission = new HandshakeAdmission(_handshakes);
        _answerBudget = _port?.Answers ?? new AnswerBudget(settings.AnswersPerSecond);
        Span<byte> key = stackalloc byte[StatelessResetKey.Length];
        settings.Random(key);
        _resetKey = new StatelessResetKey(settings.ResetKey.IsEmpty ? key : settings.ResetKey.Span);
        settings.Random(key);
        _tokenKeys = new AddressTokenKeys(settings.TokenKey.IsEmpty ? key : settings.TokenKey.Span);
        key.Clear();
    }

    /// <inheritdoc/>
    public override bool FindsSessionsById => true;

    /// <inheritdoc/>
    public override int SessionCount => _sessions.Count;

    /// <summary>Handshakes that are not complete.</summary>
    public int HandshakeCount => _admission.Count;

    /// <summary>Connection ids by which sessions are found.</summary>
    public int IdCount => _byId.Count;

    /// <summary>Counters of what belonged to no session.</summary>
    public QuicEndpointCounters Counters { get; } = new();

    /// <summary>Bytes of the connection ids that this end issues.</summary>
    private int IdLength { get; }

    private long UnixTime => _settings.UtcAtZero.ToUnixTimeSeconds() + (Now.Microseconds / 1_000_000);

    /// <inheritdoc/>
    public override Routing Route(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        CancelOpening();
        if (!InvariantHeader.TryRead(datagram.Payload, IdLength, out InvariantHeader header))
        {
            Counters.Malformed++;
            return Nobody;
        }

        if (header.DestinationId.Length <= ConnectionId.MaxLength
            && _byId.TryGetValue(new ConnectionId(header.DestinationId), out QuicSession? session))
        {
            return new Routing(RoutingKind.Session, session, session.RoutingId, IsFirst: false);
        }

        if (Role == EndpointRole.Client)
        {
            return RouteReset();
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
        Now = Timestamp.Max(Now, now);
        ConnectionId destination = ConnectionId.CreateRandom(FirstIdLength, _settings.Random);
        QuicOpening opening = new()
        {
            Version = _settings.Versions[0],
            DestinationId = destination,
            OriginalDestinationId = destination,
            Token = _settings.AddressToken,
        };
        QuicSession session = new(EndpointRole.Client, _settings, this, in opening, now);
        _sessions.Add(session);
        return session;
    }

    /// <inheritdoc/>
    public override QuicSession Accept(PeerAddress peer, uint routingId, Timestamp now)
    {
        Now = Timestamp.Max(Now, now);
        QuicSession session = new(EndpointRole.Server, _settings, this, in _opening, now) { Peer = peer };
        _sessions.Add(session);
        PassOpening(session, peer);
        return session;
    }

    /// <inheritdoc/>
    public override void Remove(TransportSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        _sessions.Remove((QuicSession)session);
        _admission.Remove((QuicSession)session);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            CancelOpening();
            _port?.Leave();
        }

        _answer?.Release();
        _answer = null;
        _resetKey.Dispose();
        _tokenKeys.Dispose();
        _ids.Dispose();
        base.Dispose(disposing);
    }

    // A reset comes with an id that nobody issued. It can only be for a session of this socket.
    private Routing RouteReset()
    {
        foreach (QuicSession session in _sessions)
        {
            return new Routing(RoutingKind.Session, session, session.RoutingId, IsFirst: false);
        }

        return Nobody;
    }

    private static Routing Nobody => new(RoutingKind.WithoutSession, null, 0, IsFirst: false);

    private Routing RouteLong(PacketBuffer datagram, in InvariantHeader invariants)
    {
        if (!PacketHeader.TryRead(datagram.Payload, IdLength, _settings.Grease, out PacketHeader header))
        {
            Counters.Malformed++;
            return Nobody;
        }

        if (header.Type == PacketType.VersionNegotiation)
        {
            // Never answered, or two servers would talk for ever.
            Counters.NotOpening++;
            return Nobody;
        }

        if (header.Type == PacketType.OtherVersion || !_settings.Versions.Contains(header.Version))
        {
            AnswerVersions(datagram, in invariants);
            return Nobody;
        }

        if (TryFindOther(header.DestinationId, header.Type == PacketType.Initial, out Routing other))
        {
            return other;
        }

        // RFC 9000, 14.1 and 7.2: shorter datagrams, and ids that can be guessed, are not answered.
        if (header.Type != PacketType.Initial || datagram.Length < QuicLimits.MinInitialDatagramSize
            || header.DestinationId.Length < FirstIdLength)
        {
            Counters.NotOpening++;
            return Nobody;
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
        if (!header.Token.IsEmpty && !TryReadToken(datagram, in header))
        {
            return Nobody;
        }

        switch (_handshakes!.TryBegin(datagram.Peer, _opening.IsAddressValidated))
        {
            case Admission.Retry:
                AnswerRetry(datagram);
                return Nobody;
            case Admission.Refuse:
                Counters.HandshakesRefused++;
                AnswerClose(datagram, TransportErrorCode.ConnectionRefused);
                return Nobody;
            default:
                return RouteOpening(datagram.Peer);
        }
    }

    /// <summary>Takes a client's token for what it is worth. False if it ends the attempt.</summary>
    private bool TryReadToken(PacketBuffer datagram, in PacketHeader header)
    {
        AddressToken token = _tokenKeys.Read(header.Token, _opening.Version, datagram.Peer, _opening.DestinationId, UnixTime);
        if (token.Status == AddressTokenStatus.Valid)
        {
            Counters.TokensAccepted++;
            _opening = _opening with { IsAddressValidated = true };
            if (token.Kind == AddressTokenKind.Retry)
            {
                // The destination id of this packet is the one that the Retry gave.
                _opening = _opening with
                {
                    OriginalDestinationId = token.OriginalDestinationId,
                    RetrySourceId = _opening.DestinationId,
                };
            }

            return true;
        }

        Counters.TokensRefused++;
        if (token.Kind != AddressTokenKind.Retry)
        {
            // RFC 9000, 8.1.3: as good as none.
            return true;
        }

        // RFC 9000, 8.1.2: the client will not take another Retry, so that there is no use in going on. Unless the packet was changed
        // on the way: the client sends it again.
        if (IsIntact(datagram, in header))
        {
            AnswerClose(datagram, TransportErrorCode.InvalidToken);
        }

        return false;
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

    /// <summary>Retry packets that asked for a proof of the address.</summary>
    public long RetriesSent { get; set; }

    /// <summary>Tokens that proved an address.</summary>
    public long TokensAccepted { get; set; }

    /// <summary>Tokens that were too old, or for somebody else.</summary>
    public long TokensRefused { get; set; }

    /// <summary>First packets that were refused because of too many handshakes.</summary>
    public long HandshakesRefused { get; set; }

    /// <summary>Answers that did not leave because there were too many in a second.</summary>
    public long AnswersWithheld { get; set; }
}
