namespace Causeway.Protocol;

/// <summary>Why a session does not go another way now.</summary>
public enum PathChangeRefusal
{
    /// <summary>No refusal: it goes, or asks whether it can.</summary>
    None,

    /// <summary>The engine, or this end's role, knows no change of path on purpose.</summary>
    Unsupported,

    /// <summary>The handshake is not confirmed, or the session is ending (RFC 9000, 9).</summary>
    NotEstablished,

    /// <summary>The peer does not allow it (disable_active_migration, RFC 9000, 18.2).</summary>
    ForbiddenByPeer,

    /// <summary>The peer issued no connection id to use on another path (RFC 9000, 9.5); it may do so later.</summary>
    NoConnectionId,
}
