namespace Causeway.Protocol.Streams;

/// <summary>
/// Where a stream's outgoing bytes come from. The mux pulls when the stream's turn has come and windows allow, straight
/// from the writer's memory into segments, so that a byte is copied once and a blocked writer costs no buffer.
/// </summary>
public interface IStreamSource
{
    /// <summary>The next bytes to send, contiguous, at least one unless the source is dry for now.</summary>
    ReadOnlySpan<byte> Peek();

    /// <summary>The first <paramref name="count"/> bytes of the last <see cref="Peek"/> were taken.</summary>
    void Advance(int count);
}
