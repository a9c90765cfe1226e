namespace Causeway.Protocol.Streams;

/// <summary>Why <see cref="StreamSession.TryOpen"/> has no stream to give.</summary>
public enum StreamOpenRefusal
{
    /// <summary>No refusal; <see cref="StreamSession.TryOpen"/> will succeed.</summary>
    None,

    /// <summary>The limit on streams is reached; one has to end first.</summary>
    TooManyStreams,

    /// <summary>All stream ids were used; only a new session helps.</summary>
    IdsExhausted,

    /// <summary>The session failed or was disposed.</summary>
    SessionEnded,

    /// <summary>
    /// The memory for received data is granted to other streams to the last kilobyte; their readers have to read, or one
    /// has to end.
    /// </summary>
    NoReceiveMemory,
}
