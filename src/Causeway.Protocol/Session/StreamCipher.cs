namespace Causeway.Protocol;

/// <summary>
/// A size-preserving rewrite of one stream's bytes, above the mux. One instance serves one stream, both directions;
/// each direction keeps its own position, so that bytes may be cut into calls anywhere.
/// </summary>
/// <remarks>
/// <see cref="Encrypt"/> and <see cref="Decrypt"/> share no state that changes: one thread may encrypt while another
/// decrypts.
/// </remarks>
public abstract class StreamCipher
{
    /// <summary>Rewrites the next outgoing bytes.</summary>
    /// <param name="source">The stream's next bytes.</param>
    /// <param name="destination">
    /// At least as long; the same memory as <paramref name="source"/>, or memory apart from it.
    /// </param>
    /// <exception cref="ArgumentException">
    /// <paramref name="destination"/> is shorter than <paramref name="source"/>.
    /// </exception>
    public abstract void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>Undoes the rewrite of the next incoming bytes.</summary>
    /// <param name="source">The stream's next bytes.</param>
    /// <param name="destination">
    /// At least as long; the same memory as <paramref name="source"/>, or memory apart from it.
    /// </param>
    /// <exception cref="ArgumentException">
    /// <paramref name="destination"/> is shorter than <paramref name="source"/>.
    /// </exception>
    public abstract void Decrypt(ReadOnlySpan<byte> source, Span<byte> destination);
}
