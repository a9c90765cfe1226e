namespace Causeway.Kcp.Smux;

/// <summary>The ordered byte pipe that a mux writes its frames to: an ARQ session, perhaps with compression in between.</summary>
public interface ISmuxOutput
{
    /// <summary>
    /// Bytes that <see cref="Write"/> takes now. A write may exceed it (the pipe takes a frame whole, or not at all), so a
    /// mux writes a frame while this is positive and stops at 0.
    /// </summary>
    int Capacity { get; }

    /// <summary>Takes one whole frame. The bytes are copied before the call returns.</summary>
    void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload);
}
