using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>Which session a datagram belongs to. Used by one shard, on its turns.</summary>
internal abstract class SessionTable
{
    /// <summary>The connection that takes the datagram in, or null to drop it.</summary>
    public abstract CausewayConnection? Find(PacketBuffer datagram, Timestamp now);

    /// <summary>Forgets a connection that closed.</summary>
    public abstract void Remove(CausewayConnection connection);

    /// <summary>The connections that are open now.</summary>
    public abstract IReadOnlyList<CausewayConnection> Snapshot();

    /// <summary>Nothing will arrive any more: the link failed.</summary>
    public virtual void OnLinkFailed(TransportException reason)
    {
    }
}

/// <summary>A client's table: its link is connected, so everything that arrives is for its one session.</summary>
internal sealed class ClientSessionTable : SessionTable
{
    private readonly GoodbyeResponder _responder = new();
    private CausewayConnection? _connection;
    private CausewayConnection? _ended;

    public void Add(CausewayConnection connection) => _connection = connection;

    public override CausewayConnection? Find(PacketBuffer datagram, Timestamp now)
    {
        // The connection is over, and its link still there: the peer may not know.
        if (_connection is null && _ended?.LastWord is { } word)
        {
            _responder.TryAnswer(_ended.Shard, datagram, _ended.Peer, _ended.ConversationId, word, now);
        }

        return _connection;
    }

    public override void Remove(CausewayConnection connection)
    {
        _connection = null;
        _ended = connection;
    }

    public override IReadOnlyList<CausewayConnection> Snapshot() => _connection is { } one ? [one] : [];
}
