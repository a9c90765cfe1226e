namespace Causeway.Protocol;

/// <summary>Why a session ended by itself.</summary>
/// <param name="Kind">The class of failure.</param>
/// <param name="Reason">What happened, in words; without secrets and without bytes of the peer.</param>
public sealed record TransportFailure(TransportFailureKind Kind, string Reason)
{
    /// <summary>Whether the peer ended the session and said so; else this end found out by itself.</summary>
    public bool IsByPeer { get; init; }

    /// <summary>
    /// The code that this end tells the peer, or that the peer told, where the engine has codes: of QUIC (RFC 9000, 20.1), or of
    /// the application if <see cref="IsApplicationError"/>.
    /// </summary>
    public long? ErrorCode { get; init; }

    /// <summary>Whether <see cref="ErrorCode"/> is one of the application's own.</summary>
    public bool IsApplicationError { get; init; }

    /// <summary>What this end tells the peer of it, or what the peer told.</summary>
    public GoodbyeReason Goodbye { get; init; } = GoodbyeReason.InternalError;
}

/// <summary>Classes of failures of a session.</summary>
public enum TransportFailureKind
{
    /// <summary>Data stayed unacknowledged although it was sent again and again.</summary>
    DeadLink,

    /// <summary>Nothing was heard of the peer for the keep-alive timeout.</summary>
    IdleTimeout,

    /// <summary>The peer broke the protocol, or speaks another version of it or other settings.</summary>
    Protocol,

    /// <summary>The peer closed the session and said so.</summary>
    ClosedByPeer,

    /// <summary>The peer takes no more sessions at present.</summary>
    Refused,

    /// <summary>The peer does not know the session: it was restarted, or this end's address changed on the way.</summary>
    ForgottenByPeer,

    /// <summary>The path swallows long datagrams, while shorter ones arrive.</summary>
    PathTooNarrow,
}
