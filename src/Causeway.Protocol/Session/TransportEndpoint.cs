using System.Diagnostics.CodeAnalysis;

namespace Causeway.Protocol;

/// <summary>
/// The sessions of one link, without I/O: which of them a datagram belongs to, and whether it may open a new one. A
/// client's endpoint has one session, a listener's has one for each peer that it accepted.
/// </summary>
/// <remarks>
/// A driver asks <see cref="Route"/> about each datagram and gives it to the session that is named. For
/// <see cref="RoutingKind.Opening"/> the driver decides whether it has room, and calls <see cref="Accept"/> if it has.
/// Not thread-safe.
/// </remarks>
public abstract class TransportEndpoint : IDisposable
{
    private protected TransportEndpoint(EndpointRole role) => Role = role;

    /// <summary>Which end this is.</summary>
    public EndpointRole Role { get; }

    /// <summary>The sessions that are registered.</summary>
    public abstract int SessionCount { get; }

    /// <summary>
    /// Whether datagrams name their session by an id of this end's choice, so that sessions are found whatever address they come
    /// from, and several may have the same one. Else a session is found by its peer's address.
    /// </summary>
    public virtual bool FindsSessionsById => false;

    /// <summary>
    /// The time. A driver sets it before it asks <see cref="Route"/> about what arrived, for engines whose answers to strangers
    /// depend on it.
    /// </summary>
    public Timestamp Now { get; set; }

    /// <summary>Tells whom a datagram is for. Bytes of any kind are allowed, and change nothing.</summary>
    public abstract Routing Route(PacketBuffer datagram);

    /// <summary>
    /// What <see cref="Route"/> wants to be sent at once, on the path that it carries: an answer to a datagram of nobody's. The
    /// caller owns it. False if there is none.
    /// </summary>
    public virtual bool TryTakeAnswer([NotNullWhen(true)] out PacketBuffer? answer)
    {
        answer = null;
        return false;
    }

    /// <summary>Makes a client's session.</summary>
    /// <param name="routingId">Tells the session apart from others of the same addresses; choose it at random.</param>
    /// <param name="now">The time: keep-alives count from here.</param>
    public abstract TransportSession Connect(uint routingId, Timestamp now);

    /// <summary>
    /// Makes a listener's session for the datagram that <see cref="Route"/> was asked about last, and registers it in the place of
    /// one that it replaces.
    /// </summary>
    /// <param name="peer">The address that the opening came from.</param>
    /// <param name="routingId">What <see cref="Route"/> said of the opening.</param>
    /// <param name="now">The time: keep-alives count from here.</param>
    public abstract TransportSession Accept(PeerAddress peer, uint routingId, Timestamp now);

    /// <summary>
    /// Refuses what <see cref="Route"/> called an opening when it was asked last. What the peer is told is in
    /// <see cref="TryTakeAnswer"/>; nothing, where <see cref="NewGoodbye"/> says it.
    /// </summary>
    public virtual void Refuse(GoodbyeReason reason)
    {
    }

    /// <summary>Makes the datagram by which an end without a session tells that one is over or refused.</summary>
    /// <param name="routingId">What <see cref="Route"/> said of the datagram that is answered, or the session's.</param>
    /// <param name="reason">Why.</param>
    /// <param name="isAnswer">Whether it answers a datagram; else it is an ended session's last word.</param>
    /// <returns>A datagram with room for the link's headers, to be released by the caller.</returns>
    public abstract PacketBuffer NewGoodbye(uint routingId, GoodbyeReason reason, bool isAnswer);

    /// <summary>Takes a session out, which has ended. No datagram goes to it any more.</summary>
    public abstract void Remove(TransportSession session);

    /// <summary>Forgets the endpoint's keys. Its sessions are their driver's to dispose.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the endpoint holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
