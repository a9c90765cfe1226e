namespace Causeway.Http3.Transport;

/// <summary>Directions of a stream, as seen from this side.</summary>
[Flags]
internal enum StreamDirections
{
    None = 0,

    /// <summary>What the peer sends.</summary>
    Read = 1,

    /// <summary>What this side sends.</summary>
    Write = 2,

    Both = Read | Write,
}

/// <summary>
/// A stream of QUIC: a <see cref="Stream"/>, and what HTTP needs beside it. Reads throw <see cref="Http3Exception"/> when the
/// peer reset the stream (RESET_STREAM), writes when it stopped it (STOP_SENDING), with the peer's code. Disposing ends what
/// was not ended: the sending direction is completed.
/// </summary>
internal abstract class Http3Stream : ForwardStream
{
    /// <summary>The stream ID (RFC 9000, 2.1).</summary>
    public abstract long Id { get; }

    /// <summary>Whether both sides send.</summary>
    public abstract bool IsBidirectional { get; }

    /// <summary>Ends the sending direction after what was written.</summary>
    public abstract void CompleteWrites();

    /// <summary>Writes the last bytes, and ends the sending direction with them: in one packet, if they fit.</summary>
    public virtual async ValueTask WriteLastAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        await WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        CompleteWrites();
    }

    /// <summary>
    /// Gives directions up: resets sending, asks the peer to stop. Operations under way in them throw. No effect on a direction
    /// that has ended.
    /// </summary>
    public abstract void Abort(StreamDirections directions, Http3ErrorCode code);
}
