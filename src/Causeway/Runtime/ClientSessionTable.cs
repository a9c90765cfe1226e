using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>A client's table: one session.</summary>
internal sealed class ClientSessionTable(TransportEndpoint endpoint) : SessionTable
{
    private IDrivenSession? _session;

    public void Add(IDrivenSession session) => _session = session;

    public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now) =>
        endpoint.Route(datagram).Kind == RoutingKind.Session ? _session : null;

    public override void Remove(IDrivenSession session)
    {
        endpoint.Remove(session.Session);
        _session = null;
    }

    public override IReadOnlyList<IDrivenSession> Snapshot() => _session is { } one ? [one] : [];
}
