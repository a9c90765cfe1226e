namespace Causeway.Protocol;

/// <summary>What a <see cref="TransportEndpoint"/> says of a datagram.</summary>
public enum RoutingKind
{
    /// <summary>It is for <see cref="Routing.Session"/>.</summary>
    Session,

    /// <summary>
    /// It asks for a new session, in the place of <see cref="Routing.Session"/> if there is one of that address.
    /// </summary>
    Opening,

    /// <summary>It comes from an unknown address and names no session.</summary>
    WithoutSession,

    /// <summary>It comes from a known address, but belongs to another session than the one there, and opens none.</summary>
    OtherSession,

    /// <summary>
    /// It belongs to a session that was under way elsewhere or before, since it cannot be at the beginning of one.
    /// </summary>
    UnknownSession,

    /// <summary>It is for <see cref="Routing.Endpoint"/>, another one of the same listener.</summary>
    OtherEndpoint,
}

/// <summary>The answer of <see cref="TransportEndpoint.Route"/>.</summary>
/// <param name="Kind">What the datagram is.</param>
/// <param name="Session">The session that it is for or that has its address now; null if none has.</param>
/// <param name="RoutingId">The id of the session that it names; 0 if it names none.</param>
/// <param name="IsFirst">Whether it can only be the first datagram of a session, or a copy of that.</param>
public readonly record struct Routing(RoutingKind Kind, TransportSession? Session, uint RoutingId, bool IsFirst)
{
    /// <summary>Whether it answers a datagram of this side, so that it must not be answered.</summary>
    public bool IsAnswer { get; init; }

    /// <summary>The endpoint of the listener that the datagram is for, if <see cref="Kind"/> says that it is another's.</summary>
    public int Endpoint { get; init; }
}
