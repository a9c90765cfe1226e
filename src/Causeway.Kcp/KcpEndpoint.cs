using Causeway.Kcp.Wire;

namespace Causeway.Kcp;

/// <summary>
/// KCP's sessions by the peer's address, with kcptun's rules for new ones (docs/wire/kcptun.md 5.12): an unknown address opens a session
/// with any datagram that carries a conversation id; a known one with another conversation's first segment replaces its
/// session, since the client there was restarted.
/// </summary>
public sealed class KcpEndpoint : TransportEndpoint
{
    private readonly Dictionary<PeerAddress, KcpSession> _byPeer = [];
    private readonly KcpProfile _profile;
    private readonly SessionLink _link;
    private readonly NarrowPaths _narrowPaths = new();
    private KcpSession? _connected;

    /// <summary>Makes an endpoint without sessions.</summary>
    /// <param name="role">A client's has one session, whatever the address; a server's one for each peer.</param>
    /// <param name="profile">Valid settings.</param>
    /// <param name="link">What the sessions have to know of the link.</param>
    public KcpEndpoint(EndpointRole role, KcpProfile profile, in SessionLink link)
        : base(role)
    {
        ArgumentNullException.ThrowIfNull(profile);
        _profile = profile;
        _link = link;
    }

    /// <inheritdoc/>
    public override int SessionCount => _byPeer.Count + (_connected is null ? 0 : 1);

    /// <inheritdoc/>
    public override Routing Route(PacketBuffer datagram)
    {
        ArgumentNullException.ThrowIfNull(datagram);
        if (Role == EndpointRole.Client)
        {
            // The link is connected, so everything that arrives is for the one session.
            return _connected is { } only
                ? new Routing(RoutingKind.Session, only, only.ConversationId, IsFirst: false)
                : new Routing(RoutingKind.WithoutSession, null, 0, IsFirst: false)
                {
                    IsAnswer = Goodbye.TryRead(datagram.Payload, out _, out Goodbye late) && late.IsAnswer,
                };
        }

        bool hasConversation = KcpDatagram.TryReadFirstSegment(datagram.Payload, out SegmentHeader first);
        uint conversation = first.Conversation;
        bool isFirst = hasConversation && first is { Command: SegmentCommand.Push, Sequence: 0, Unacknowledged: 0 };
        bool isKnown = _byPeer.TryGetValue(datagram.Peer, out KcpSession? known);
        if (isKnown && (!hasConversation || known!.ConversationId == conversation))
        {
            return new Routing(RoutingKind.Session, known, known!.ConversationId, isFirst);
        }

        // Who says goodbye begins nothing, and neither does who has received something of the other end (una), in whatever
        // order datagrams arrive.
        bool isGoodbye = Goodbye.TryRead(datagram.Payload, out _, out Goodbye goodbye);
        if (isGoodbye || (hasConversation && first.Unacknowledged != 0))
        {
            RoutingKind kind = isKnown ? RoutingKind.OtherSession : RoutingKind.UnknownSession;
            return new Routing(kind, known, conversation, IsFirst: false) { IsAnswer = goodbye.IsAnswer };
        }

        if (known is null)
        {
            return new Routing(hasConversation ? RoutingKind.Opening : RoutingKind.WithoutSession, null, conversation, isFirst);
        }

        return new Routing(first.Sequence == 0 ? RoutingKind.Opening : RoutingKind.OtherSession, known, conversation, isFirst);
    }

    /// <inheritdoc/>
    public override KcpSession Connect(uint routingId, Timestamp now) =>
        _connected = NewSession(EndpointRole.Client, default, routingId, now);

    /// <inheritdoc/>
    public override KcpSession Accept(PeerAddress peer, uint routingId, Timestamp now)
    {
        KcpSession session = NewSession(EndpointRole.Server, peer, routingId, now);
        _byPeer[peer] = session;
        return session;
    }

    /// <inheritdoc/>
    public override PacketBuffer NewGoodbye(uint routingId, GoodbyeReason reason, bool isAnswer)
    {
        PacketBuffer datagram = _link.Pool.Rent(_link.Headroom);
        new Goodbye(reason, isAnswer).Write(datagram.Append(Goodbye.DatagramSize), routingId);
        return datagram;
    }

    /// <inheritdoc/>
    public override void Remove(TransportSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        if (ReferenceEquals(_connected, session))
        {
            _connected = null;
        }
        else if (_byPeer.TryGetValue(session.Peer, out KcpSession? current) && ReferenceEquals(current, session))
        {
            _byPeer.Remove(session.Peer);
        }

        if (session is { Role: EndpointRole.Server, Failure.Kind: TransportFailureKind.PathTooNarrow })
        {
            _narrowPaths.Note(session.Peer, _profile with { Mtu = MtuFor(session.Peer) });
        }
    }

    private int MtuFor(PeerAddress peer) => _narrowPaths.Find(peer) ?? _profile.Mtu;

    private KcpSession NewSession(EndpointRole role, PeerAddress peer, uint conversation, Timestamp now)
    {
        int longest = Math.Min(_link.MaxDatagramSize, MtuFor(peer) - _link.Headroom - _link.Tailroom);
        return new(conversation, role, _profile, longest, _link.Headroom, _link.Tailroom, _link.Pool, now) { Peer = peer };
    }
}
