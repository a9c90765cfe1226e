namespace Causeway.Protocol;

/// <summary>Where a flush writes the datagrams that are to leave, one after the other.</summary>
public interface IPacketSink
{
    /// <summary>
    /// Room for the next datagram. An empty span means that the batch is full: stop <em>before</em> changing any state, so
    /// that nothing is marked as sent that did not leave.
    /// </summary>
    /// <param name="size">The largest datagram that the caller may write.</param>
    Span<byte> GetSpan(int size);

    /// <summary>The first <paramref name="length"/> bytes of the last span are a datagram.</summary>
    void Commit(int length);
}
