using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>A client's table: one session.</summary>
internal sealed class ClientSessionTable(TransportEndpoint endpoint) : SessionTable
{
    private IDrivenSession? _session;
    private AnswerSource? _source;

    /// <summary>Sets the session, and what tells whose datagrams are its peer's, if the link does not.</summary>
    public void Add(IDrivenSession session, AnswerSource? source)
    {
        _session = session;
        _source = source;
    }

    public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now) =>
        (_source is null || _source.Admits(datagram)) && endpoint.Route(datagram).Kind == RoutingKind.Session ? _session : null;

    public override void Remove(IDrivenSession session)
    {
        endpoint.Remove(session.Session);
        _session = null;
    }

    public override IReadOnlyList<IDrivenSession> Snapshot() => _session is { } one ? [one] : [];
}
