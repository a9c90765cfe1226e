namespace Causeway.Protocol;

/// <summary>
/// A pure rewrite of datagrams: a cipher, a checksum, a camouflage. One instance serves one direction, on one thread at a
/// time; links make one for sending and another for receiving, so that a receive pump can open while the session seals.
/// </summary>
/// <remarks>
/// It works on batches because ciphers are faster over several datagrams at once than over one after the other.
/// It adds at most <see cref="Headroom"/> bytes in front of and <see cref="Tailroom"/> bytes behind a payload; the
/// session's segment size is derived from the sum over all transforms, so that none can make a datagram too large.
/// </remarks>
public abstract class DatagramTransform : IDisposable
{
    /// <summary>Bytes that <see cref="Protect"/> adds in front of a payload.</summary>
    public abstract int Headroom { get; }

    /// <summary>Bytes that <see cref="Protect"/> adds behind a payload.</summary>
    public abstract int Tailroom { get; }

    /// <summary>Rewrites the payload of every datagram in place, growing into headroom and tailroom.</summary>
    public abstract void Protect(ReadOnlySpan<PacketBuffer> batch);

    /// <summary>
    /// Undoes <see cref="Protect"/> in place. Datagrams that do not open are moved behind the others, in any order; the
    /// caller still owns and releases them. Never throws for what a peer sent.
    /// </summary>
    /// <returns>How many datagrams opened: they are the first of the batch, in their order of arrival.</returns>
    public abstract int Unprotect(Span<PacketBuffer> batch);

    /// <summary>Datagrams that <see cref="Unprotect"/> refused because they were too short to be meant for it.</summary>
    public long TooShort { get; protected set; }

    /// <summary>Datagrams that <see cref="Unprotect"/> refused because a checksum or tag did not match.</summary>
    public long NotAuthentic { get; protected set; }

    /// <summary>
    /// Datagrams that <see cref="Unprotect"/> refused because the transform of <see cref="PairWith"/> had made them.
    /// </summary>
    public long Reflected { get; protected set; }

    /// <summary>
    /// Tells a receiving transform which one sends on the same link, so that it can refuse what that one sent: with a key
    /// that both ends share, somebody could otherwise send an end's own datagrams back to it as the peer's. Called once,
    /// before the first datagram. Does nothing unless overridden.
    /// </summary>
    /// <param name="sender">A transform made as this one was.</param>
    public virtual void PairWith(DatagramTransform sender)
    {
    }

    /// <summary>Zeroes key material.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Zeroes key material.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}
