using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>
/// A listener's sessions where the engine's endpoint finds them by ids in datagrams
/// (<see cref="TransportEndpoint.FindsSessionsById"/>): addresses say nothing, and the engine itself answers strangers.
/// </summary>
/// <param name="endpoint">The engine's endpoint of this shard.</param>
/// <param name="tables">The tables of all shards, by the index of their endpoint.</param>
/// <param name="directory">What they have in common.</param>
/// <param name="acceptor">Where new sessions go.</param>
internal sealed class IdSessionTable(
    TransportEndpoint endpoint, IReadOnlyList<IdSessionTable> tables, ListenerDirectory directory, ISessionAcceptor acceptor) : SessionTable
{
    private readonly HashSet<IDrivenSession> _sessions = [];
    private Shard? _shard;
    private HandOverQueue? _handOvers;

    public ListenerCounters Statistics { get; } = new();

    public void Attach(Shard shard)
    {
        _shard = shard;
        _handOvers = new HandOverQueue(shard);
    }

    public override IDrivenSession? Find(PacketBuffer datagram, Timestamp now)
    {
        endpoint.Now = now;
        Routing routing = endpoint.Route(datagram);
        IDrivenSession? session = routing.Kind switch
        {
            RoutingKind.Session => (IDrivenSession?)routing.Session!.Tag,
            RoutingKind.Opening => Open(datagram, routing, now),
            RoutingKind.OtherEndpoint => HandOver(datagram, tables[routing.Endpoint]),
            _ => Count(routing.Kind),
        };
        while (endpoint.TryTakeAnswer(out PacketBuffer? answer))
        {
            _shard!.SendOrDrop(answer, now);
        }

        return session;
    }

    public override void Remove(IDrivenSession session, Timestamp now)
    {
        _shard!.SayLastWord(session, now);
        if (_sessions.Remove(session))
        {
            endpoint.Remove(session.Session);
            directory.CancelReservation();
        }
    }

    public override void Close() => endpoint.Dispose();

    public override IReadOnlyList<IDrivenSession> Snapshot() => [.. _sessions];

    public override void OnFault() => Statistics.LayerFaults++;

    public override void OnLinkFailed(TransportException reason) => acceptor.OnLinkFailed(reason);

    private IDrivenSession? HandOver(PacketBuffer datagram, IdSessionTable owner)
    {
        if (owner._handOvers!.TryPost(datagram))
        {
            Statistics.HandedOver++;
        }
        else
        {
            Statistics.HandOversDropped++;
        }

        return null;
    }

    private IDrivenSession? Count(RoutingKind kind)
    {
        switch (kind)
        {
            case RoutingKind.UnknownSession:
                Statistics.UnknownSession++;
                break;
            case RoutingKind.OtherSession:
                Statistics.OtherSession++;
                break;
            default:
                Statistics.WithoutSession++;
                break;
        }

        return null;
    }

    private IDrivenSession? Open(PacketBuffer datagram, in Routing routing, Timestamp now)
    {
        GoodbyeReason? refusal = null;
        if (!directory.TryReserve(always: false))
        {
            Statistics.ConnectionLimit++;
            refusal = GoodbyeReason.ConnectionLimit;
        }
        else if (acceptor.IsFull)
        {
            directory.CancelReservation();
            Statistics.BacklogFull++;
            refusal = GoodbyeReason.BacklogFull;
        }

        if (refusal is { } reason)
        {
            acceptor.OnRefused(datagram.Peer, reason, now);
            endpoint.Refuse(reason);
            return null;
        }

        TransportSession? session = null;
        try
        {
            session = endpoint.Accept(datagram.Peer, routing.RoutingId, now);
            IDrivenSession owner = acceptor.Accept(session, _shard!, now);
            session.Tag = owner;
            if (owner.IsClosed)
            {
                endpoint.Remove(session);
                directory.CancelReservation();
                return null;
            }

            _sessions.Add(owner);
            return owner;
        }
        catch
        {
            // The layers may be the application's, and throw: then nothing of it stays.
            if (session is not null)
            {
                endpoint.Remove(session);
                session.Dispose();
            }

            directory.CancelReservation();
            throw;
        }
    }
}
