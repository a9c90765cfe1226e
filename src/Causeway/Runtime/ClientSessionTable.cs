using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>A client's table: one session.</summary>
internal sealed class ClientSessionTable(TransportEndpoint endpoint) : SessionTable
{
    private readonly GoodbyeResponder _responder = new(endpoint);
    private IDrivenSession? _session;
    private AnswerSource? _source;
    private IDrivenSession? _ended;
    private Shard? _shard;

    /// <summary>Sets the session, and what tells whose datagrams are its peer's, if the link does not.</summary>
    public void Add(IDrivenSession session, Shard shard, AnswerSource? source)
    {
        _session = session;
        _shard = shard;
        _source = source;
    }

    public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now)
    {
        if (_source?.Admits(datagram) == false)
        {
            return null;
        }

        Routing routing = endpoint.Route(datagram);

        // The session is over, and its link still there: the peer may not know.
        if (_ended?.LastWord is { } word && !endpoint.FindsSessionsById)
        {
            _responder.TryAnswer(_shard!, datagram, routing, _ended.Session.Peer, _ended.Session.RoutingId, word, now);
        }

        return routing.Kind == RoutingKind.Session ? _session : null;
    }

    public override void Remove(IDrivenSession session, Timestamp now)
    {
        if (endpoint.FindsSessionsById)
        {
            _shard!.SayLastWord(session, now);
        }
        else
        {
            _responder.SayLastWord(_shard!, session, now);
        }

        endpoint.Remove(session.Session);
        _session = null;
        _ended = session;
    }

    public override void Close() => endpoint.Dispose();

    public override IReadOnlyList<IDrivenSession> Snapshot() => _session is { } one ? [one] : [];
}
