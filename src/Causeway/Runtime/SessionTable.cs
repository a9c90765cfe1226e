using Causeway.Protocol;

namespace Causeway.Runtime;

/// <summary>Which session a datagram belongs to. Used by one shard, on its turns.</summary>
internal abstract class SessionTable
{
    /// <summary>The session that takes the datagram in, or null to drop it.</summary>
    public abstract IDrivenSession? Find(PacketBuffer datagram, Timestamp now);

    /// <summary>Forgets a session that closed.</summary>
    public abstract void Remove(IDrivenSession session, Timestamp now);

    /// <summary>The sessions that are open now.</summary>
    public abstract IReadOnlyList<IDrivenSession> Snapshot();

    /// <summary>Forgets what the endpoint holds: the link is gone.</summary>
    public virtual void Close()
    {
    }

    /// <summary>A datagram found no session because code of the application threw.</summary>
    public virtual void OnFault()
    {
    }

    /// <summary>Nothing will arrive any more: the link failed.</summary>
    public virtual void OnLinkFailed(TransportException reason)
    {
    }
}
