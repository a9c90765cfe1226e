namespace Causeway.Protocol.Streams;

/// <summary>Counters of one mux session since its beginning.</summary>
public sealed class StreamStatistics
{
    internal StreamStatistics()
    {
    }

    /// <summary>Streams opened by this end.</summary>
    public long StreamsOpened { get; internal set; }

    /// <summary>Streams opened by the peer and accepted.</summary>
    public long StreamsAccepted { get; internal set; }

    /// <summary>Streams opened by the peer and refused, because a limit was reached.</summary>
    public long StreamsRefused { get; internal set; }

    /// <summary>
    /// Opening frames ignored: the id exists, is invalid or has the parity of this end, or too many wait for refusal.
    /// </summary>
    public long OpensIgnored { get; internal set; }

    /// <summary>Streams that the peer reset, or that failed by what it sent.</summary>
    public long StreamsReset { get; internal set; }

    /// <summary>Frames written.</summary>
    public long FramesSent { get; internal set; }

    /// <summary>Frame headers read.</summary>
    public long FramesReceived { get; internal set; }

    /// <summary>Payload bytes written.</summary>
    public long BytesSent { get; internal set; }

    /// <summary>Payload bytes received for streams that took them.</summary>
    public long BytesReceived { get; internal set; }

    /// <summary>Payload bytes skipped: their stream is unknown, ended or not read any more.</summary>
    public long BytesDiscarded { get; internal set; }

    /// <summary>
    /// Received payload bytes that were copied into compact buffers instead of being passed on in place.
    /// </summary>
    public long BytesCopied { get; internal set; }
}
