using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// A listener's sessions on one shard. The engine's endpoint says whom a datagram is for and whether it may open a
/// session; the table adds what the endpoint cannot know: other shards, limits, and sessions that closed a short while
/// ago, whose late datagrams open none. What is refused is answered with a goodbye.
/// </summary>
internal sealed class ServerSessionTable : SessionTable
{
    private readonly HashSet<IDrivenSession> _sessions = [];
    private readonly ListenerDirectory _directory;
    private readonly OpeningMemory? _openings;
    private readonly ISessionAcceptor _acceptor;
    private readonly TransportEndpoint _endpoint;
    private readonly GoodbyeResponder _responder;
    private Shard? _shard;
    private HandOverQueue? _handOvers;

    public ServerSessionTable(
        TransportEndpoint endpoint, ListenerDirectory directory, OpeningMemory? openings, ISessionAcceptor acceptor)
    {
        _openings = openings;
        _endpoint = endpoint;
        _responder = new GoodbyeResponder(endpoint);
        _directory = directory;
        _acceptor = acceptor;
    }

    public ListenerCounters Statistics { get; } = new();

    public void Attach(Shard shard)
    {
        _shard = shard;
        _handOvers = new HandOverQueue(shard);
    }

    public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now)
    {
        Routing routing = _endpoint.Route(datagram);
        if (routing.Kind == RoutingKind.Session)
        {
            return IsRecorded(datagram, routing) ? null : (IDrivenSession)routing.Session!.Tag!;
        }

        if (routing.Session is null && _directory.FindOwner(datagram.Peer) is { } owner)
        {
            HandOver(owner, datagram);
            return null;
        }

        if (routing.Kind == RoutingKind.WithoutSession)
        {
            Statistics.WithoutSession++;
            return null;
        }

        // Not even its first datagram may replace what replaced it: a client does not go back to an earlier session.
        bool mayBeLate = routing.Session is not null || !routing.IsFirst;
        if (mayBeLate && _directory.WasClosed(datagram.Peer, routing.RoutingId, now, out GoodbyeReason? lastWord))
        {
            Statistics.ClosedSession++;
            Answer(datagram, routing, lastWord, now);
            return null;
        }

        if (routing.Kind == RoutingKind.UnknownSession)
        {
            Statistics.UnknownSession++;
            Answer(datagram, routing, GoodbyeReason.UnknownConversation, now);
            return null;
        }

        if (routing.Kind == RoutingKind.OtherSession)
        {
            Statistics.OtherSession++;
            return null;
        }

        return Open(datagram, routing, now);
    }

    public override void Remove(IDrivenSession session, Timestamp now)
    {
        _responder.SayLastWord(_shard!, session, now);
        if (_sessions.Remove(session))
        {
            _endpoint.Remove(session.Session);
            _directory.Release(session.Session.Peer);
        }

        _directory.NoteClosed(session.Session.Peer, session.Session.RoutingId, session.LastWord, _shard!.Now);
    }

    public override void Close() => _endpoint.Dispose();

    public override IReadOnlyList<IDrivenSession> Snapshot() => [.. _sessions];

    public override void OnFault() => Statistics.LayerFaults++;

    public override void OnLinkFailed(TransportException reason) => _acceptor.OnLinkFailed(reason);

    // What begins a session is remembered by its nonce wherever it comes: it may have been lost when it was recorded, and
    // be meant to begin another one that something else of the recording has opened.
    private bool IsRecorded(PacketBuffer datagram, in Routing routing)
    {
        if (!routing.IsFirst || datagram.Fingerprint == 0 || _openings?.TryNoteFirst(datagram.Fingerprint) is not false)
        {
            return false;
        }

        Statistics.Replayed++;
        return true;
    }

    private IDrivenSession? Open(PacketBuffer datagram, in Routing routing, Timestamp now)
    {
        ulong fingerprint = datagram.Fingerprint;
        if (_openings?.IsKnown(routing.RoutingId, fingerprint) == true)
        {
            Statistics.Replayed++;
            return null;
        }

        if (!TryReserve(replaces: routing.Session is not null, out GoodbyeReason refusal))
        {
            _acceptor.OnRefused(datagram.Peer, refusal, now);
            Answer(datagram, routing, refusal, now);
            return null;
        }

        if (_openings?.TryOpen(routing.RoutingId, fingerprint) == false)
        {
            // Two shards received the same at once.
            _directory.CancelReservation();
            Statistics.Replayed++;
            return null;
        }

        if (routing.Session?.Tag is IDrivenSession replaced)
        {
            replaced.Abandon(
                new TransportException(TransportError.ConnectionReplaced, "The client began a new session from the same address."), now);
        }

        if (!_directory.TryClaim(datagram.Peer, this))
        {
            // Two shards received of a new peer at once, and the other was faster.
            _directory.CancelReservation();
            _openings?.Forget(routing.RoutingId, fingerprint);
            if (_directory.FindOwner(datagram.Peer) is { } winner)
            {
                HandOver(winner, datagram);
            }

            return null;
        }

        try
        {
            IDrivenSession session = Accept(datagram.Peer, routing.RoutingId, now);
            return session.IsClosed ? null : session;
        }
        catch
        {
            _openings?.Forget(routing.RoutingId, fingerprint);
            throw;
        }
    }

    private void Answer(PacketBuffer datagram, in Routing routing, GoodbyeReason? reason, Timestamp now)
    {
        if (reason is not { } said)
        {
            return;
        }

        if (_responder.TryAnswer(_shard!, datagram, routing, datagram.Peer, routing.RoutingId, said, now))
        {
            Statistics.GoodbyesSent++;
        }
        else
        {
            Statistics.GoodbyesWithheld++;
        }
    }

    private void HandOver(ServerSessionTable owner, PacketBuffer datagram)
    {
        if (owner._handOvers!.TryPost(datagram))
        {
            Statistics.HandedOver++;
        }
        else
        {
            Statistics.HandOversDropped++;
        }
    }

    // One that replaces another needs no place of its own: else a full listener would lock a restarted client out.
    private bool TryReserve(bool replaces, out GoodbyeReason refusal)
    {
        refusal = GoodbyeReason.ConnectionLimit;
        if (!_directory.TryReserve(always: replaces))
        {
            Statistics.ConnectionLimit++;
            return false;
        }

        if (_acceptor.IsFull)
        {
            _directory.CancelReservation();
            Statistics.BacklogFull++;
            refusal = GoodbyeReason.BacklogFull;
            return false;
        }

        return true;
    }

    // The layers may be the application's, and throw: then the peer must not stay claimed.
    private IDrivenSession Accept(PeerAddress peer, uint routingId, Timestamp now)
    {
        TransportSession? session = null;
        try
        {
            session = _endpoint.Accept(peer, routingId, now);
            IDrivenSession owner = _acceptor.Accept(session, _shard!, now);
            session.Tag = owner;
            if (owner.IsClosed)
            {
                _endpoint.Remove(session);
                _directory.Release(peer);
            }
            else
            {
                _sessions.Add(owner);
            }

            return owner;
        }
        catch
        {
            if (session is not null)
            {
                _endpoint.Remove(session);
                session.Dispose();
            }

            _directory.Release(peer);
            throw;
        }
    }
}
