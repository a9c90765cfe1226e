namespace Causeway.Runtime;

/// <summary>
/// A session with what its owner does around it on a turn. Everything here is called on the shard's turns only.
/// </summary>
internal interface IDrivenSession : IDeadlineItem
{
    /// <summary>The engine's session.</summary>
    TransportSession Session { get; }

    /// <summary>Where its datagrams go, and from which local address.</summary>
    DatagramPath Path { get; }

    /// <summary>Whether it waits for its part of the next turn. Only the shard sets it.</summary>
    bool IsDirty { get; set; }

    /// <summary>Whether it has ended: it gets no turn any more.</summary>
    bool IsClosed { get; }

    /// <summary>When it needs a turn at the latest.</summary>
    Timestamp NextDeadline { get; }

    /// <summary>When a graceful close gives up; never while none is under way.</summary>
    Timestamp CloseDeadline { get; }

    /// <summary>What datagrams that still come are answered with after the end, or null for nothing.</summary>
    GoodbyeReason? LastWord { get; }

    /// <summary>Takes in one datagram of the peer.</summary>
    void Input(PacketBuffer datagram, Timestamp now);

    /// <summary>Hands what arrived to the streams and wakes their readers.</summary>
    void Deliver(Timestamp now);

    /// <summary>Adds datagrams to a batch; true if it became full before everything that may leave was in it.</summary>
    bool Flush(PacketBatch batch, Timestamp now);

    /// <summary>Acts on what the turn brought about: a failure, or the end of a graceful close.</summary>
    void AfterTurn(Timestamp now);

    /// <summary>Ends the session now. The first reason is the one that everybody sees.</summary>
    void Abandon(TransportException reason, Timestamp now);
}
