namespace Causeway.Protocol.Streams;

/// <summary>What a <see cref="StreamEvent"/> tells.</summary>
public enum StreamEventKind
{
    /// <summary>The peer opened the stream.</summary>
    Accepted,

    /// <summary>
    /// The stream has bytes to read. Raised once until it was read from the queue of events, however many frames came.
    /// </summary>
    Readable,

    /// <summary>The peer ended its direction: after the bytes that are buffered, no more come.</summary>
    ReadsFinished,

    /// <summary>
    /// The peer takes no more bytes of the stream: fail its writers. What the source still holds is not pulled.
    /// </summary>
    WritesStopped,

    /// <summary>
    /// The stream was given up, with buffered bytes dropped: fail its readers and writers. See
    /// <see cref="TransportStream.ResetReason"/>.
    /// </summary>
    Reset,

    /// <summary>
    /// The peer gave its direction of the stream up, with buffered bytes dropped: fail its readers. The other direction goes
    /// on.
    /// </summary>
    ReadsAborted,

    /// <summary>
    /// The peer allows more streams, after <see cref="StreamSession.TryOpen"/> had to refuse for want of them. No stream.
    /// </summary>
    OpenAllowed,

    /// <summary>
    /// <see cref="StreamSession.HalfClose"/> is no longer unknown. No stream. Raised at most once, and not where it was
    /// known from the beginning because the extension is switched off.
    /// </summary>
    HalfCloseKnown,
}

/// <summary>Something that happened in a session, read by <see cref="StreamSession.TryReadEvent"/>.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Stream">The stream that it happened to; null for events of the session.</param>
public readonly record struct StreamEvent(StreamEventKind Kind, TransportStream? Stream);
