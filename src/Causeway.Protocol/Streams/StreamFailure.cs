namespace Causeway.Protocol.Streams;

/// <summary>The kinds of failure that end a whole mux session.</summary>
public enum StreamFailureKind
{
    /// <summary>
    /// The peer sent something that the protocol does not allow; the byte stream cannot be followed further.
    /// </summary>
    InvalidProtocol,

    /// <summary>The peer was silent for longer than the keep-alive timeout.</summary>
    KeepAliveTimeout,

    /// <summary>The peer's frames are of the other version of the protocol.</summary>
    WrongVersion,

    /// <summary>What the peer sends are no frames from the first byte on: most likely it compresses.</summary>
    NotFrames,
}

/// <summary>Why a mux session failed. The first failure stays.</summary>
/// <param name="Kind">What kind of failure.</param>
/// <param name="Reason">What happened, for a log or an exception message.</param>
public sealed record StreamFailure(StreamFailureKind Kind, string Reason);
