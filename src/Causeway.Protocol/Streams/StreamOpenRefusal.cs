namespace Causeway.Protocol.Streams;

/// <summary>Why <see cref="StreamSession.TryOpen"/> has no stream to give.</summary>
public enum StreamOpenRefusal
{
    /// <summary>The session has a stream to give, and the next call succeeds.</summary>
    None,

    /// <summary>The limit on streams is reached; one has to end first.</summary>
    TooManyStreams,

    /// <summary>All stream ids were used; only a new session helps.</summary>
    IdsExhausted,

    /// <summary>The session failed or was disposed.</summary>
    SessionEnded,
}
