namespace Causeway.Runtime;

/// <summary>Where a listener's new sessions go. Used by several shards at once.</summary>
internal interface ISessionAcceptor
{
    /// <summary>Whether as many sessions wait to be accepted as may.</summary>
    bool IsFull { get; }

    /// <summary>Puts an owner around a new session and queues it.</summary>
    /// <returns>The owner, which may have ended already because nobody accepts any more.</returns>
    IDrivenSession Accept(TransportSession session, Shard shard, Timestamp now);

    /// <summary>A limit refused a session.</summary>
    void OnRefused(PeerAddress peer, GoodbyeReason reason, Timestamp now);

    /// <summary>Nothing will come any more: the link failed.</summary>
    void OnLinkFailed(TransportException reason);
}
