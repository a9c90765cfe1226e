namespace Causeway.Kcp;

/// <summary>
/// Rewrites the ordered byte pipe between ARQ and mux: a compressor. One instance serves one session, both directions.
/// </summary>
/// <remarks>
/// Sending: the mux's frames go through <see cref="Encode"/>, one call for each frame, and what it returns is written
/// below at once. Receiving: bytes from below go into <see cref="Input"/>, then <see cref="TryRead"/> is called until
/// it answers false. Decoding happens in <see cref="TryRead"/>, so that a reader that stops taking bytes also stops the
/// work and the memory that a peer's compressed bytes can cause. Nothing that a peer sent throws: see
/// <see cref="Failure"/>. Not safe for use by two threads at once.
/// </remarks>
public abstract class PipeCodec : IDisposable
{
    /// <summary>Encodes one whole frame and returns the bytes to write below, valid until the next call on the same thread.</summary>
    /// <param name="header">The frame's header.</param>
    /// <param name="payload">The frame's payload, may be empty.</param>
    public abstract ReadOnlySpan<byte> Encode(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload);

    /// <summary>Adds the next bytes from below, cut anywhere. Takes the slice over.</summary>
    public abstract void Input(PacketSlice bytes);

    /// <summary>Takes the next decoded bytes, whose reference passes to the caller.</summary>
    /// <returns>Whether there were any; false also once decoding has failed.</returns>
    public abstract bool TryRead(out PacketSlice slice);

    /// <summary>Why decoding stopped for good, or null. What was decoded before stays readable.</summary>
    public abstract string? Failure { get; }

    /// <summary>Releases the slices that were not read.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the slices that were not read.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
