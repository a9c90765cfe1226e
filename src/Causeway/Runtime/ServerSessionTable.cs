using System.Threading.Channels;
using Causeway.Links;
using Causeway.Protocol.Mux;
using Causeway.Protocol.Wire;

namespace Causeway.Runtime;

/// <summary>
/// A listener's sessions by the peer's address, with kcptun's rules for new ones (spec 5.12): an unknown address opens
/// a session with any datagram that carries a conversation id; a known one with another conversation's first segment
/// replaces its session, since the client there was restarted. What comes late of a session that was closed here opens
/// none, and what belongs to a session of another shard goes there.
/// </summary>
internal sealed class ServerSessionTable : SessionTable
{
    private readonly Dictionary<PeerAddress, CausewayConnection> _byPeer = [];
    private readonly ListenerDirectory _directory;
    private readonly CausewayListenerOptions _options;
    private readonly Channel<CausewayConnection> _accepted;
    private readonly NarrowPaths _narrowPaths = new();
    private Shard? _shard;
    private HandOverQueue? _handOvers;

    public ServerSessionTable(
        CausewayListenerOptions options, ListenerDirectory directory, Channel<CausewayConnection> accepted)
    {
        _options = options;
        _directory = directory;
        _accepted = accepted;
    }

    public ListenerCounters Statistics { get; } = new();

    public void Attach(Shard shard)
    {
        _shard = shard;
        _handOvers = new HandOverQueue(shard);
    }

    public override CausewayConnection? Find(PacketBuffer datagram, Timestamp now)
    {
        bool hasConversation = KcpDatagram.TryReadFirstSegment(datagram.Payload, out SegmentHeader first);
        uint conversation = first.Conversation;
        if (_byPeer.TryGetValue(datagram.Peer, out CausewayConnection? known))
        {
            if (!hasConversation || known.ConversationId == conversation)
            {
                return known;
            }

            // Not even its first segment may replace what replaced it: a client does not go back to an earlier
            // conversation.
            if (_directory.WasClosed(datagram.Peer, conversation, now))
            {
                Statistics.ClosedConversation++;
                return null;
            }

            if (first.Sequence != 0)
            {
                Statistics.WrongConversation++;
                return null;
            }

            if (!TryReserve(replaces: true))
            {
                return null;
            }

            known.Abandon(
                new TransportException(TransportError.ConnectionReplaced, "The client began a new conversation from the same address."), now);
        }
        else if (_directory.FindOwner(datagram.Peer) is { } owner)
        {
            HandOver(owner, datagram);
            return null;
        }
        else if (!hasConversation)
        {
            Statistics.WithoutConversation++;
            return null;
        }
        else if (!BeginsConversation(first) && _directory.WasClosed(datagram.Peer, conversation, now))
        {
            Statistics.ClosedConversation++;
            return null;
        }
        else if (!TryReserve(replaces: false))
        {
            return null;
        }

        if (!_directory.TryClaim(datagram.Peer, this))
        {
            // Two shards received of a new peer at once, and the other was faster.
            _directory.CancelReservation();
            if (_directory.FindOwner(datagram.Peer) is { } winner)
            {
                HandOver(winner, datagram);
            }

            return null;
        }

        return Add(datagram.Peer, conversation, now);
    }

    public override void Remove(CausewayConnection connection)
    {
        if (_byPeer.TryGetValue(connection.Peer, out CausewayConnection? current) && current == connection)
        {
            _byPeer.Remove(connection.Peer);
            _directory.Release(connection.Peer);
        }

        if (connection.Reason?.Error == TransportError.PathTooNarrow)
        {
            _narrowPaths.Note(connection.Peer, connection.Options.Profile);
        }

        _directory.NoteClosed(connection.Peer, connection.ConversationId, _shard!.Now);
    }

    public override IReadOnlyList<CausewayConnection> Snapshot() => [.. _byPeer.Values];

    public override void OnLinkFailed(TransportException reason) => _accepted.Writer.TryComplete(reason);

    // What a client's first datagram has, and no late one of a conversation that got anywhere, unless it is a copy.
    private static bool BeginsConversation(in SegmentHeader first) => first is { Command: SegmentCommand.Push, Sequence: 0 };

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
    private bool TryReserve(bool replaces)
    {
        if (!_directory.TryReserve(always: replaces))
        {
            Statistics.ConnectionLimit++;
            return false;
        }

        if (_accepted.Reader.Count >= _options.ConnectionBacklog)
        {
            _directory.CancelReservation();
            Statistics.BacklogFull++;
            return false;
        }

        return true;
    }

    private CausewayConnection? Add(PeerAddress peer, uint conversation, Timestamp now)
    {
        CausewayListenerOptions options = _narrowPaths.Find(peer) is { } shorter ? _options with { Profile = shorter } : _options;
        CausewayConnection connection = new(
            _shard!,
            NewSession(peer, conversation, options, now),
            peer,
            peer.ToEndPoint(),
            ownsShard: false,
            options);
        _byPeer[peer] = connection;
        if (!_accepted.Writer.TryWrite(connection))
        {
            connection.Abandon(new TransportException(TransportError.ConnectionClosed, "The listener was closed."), now);
            return null;
        }

        return connection;
    }

    // The layers may be the application's, and throw: then the peer must not stay claimed.
    private TransportSession NewSession(PeerAddress peer, uint conversation, CausewayListenerOptions options, Timestamp now)
    {
        try
        {
            return CausewayConnection.NewSession(conversation, MuxRole.Server, _shard!.Link, options, now);
        }
        catch
        {
            _directory.Release(peer);
            throw;
        }
    }
}
