using System.Buffers.Binary;

namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>Takes a frame from the front of a stream, and not a byte more.</summary>
internal static class TunnelFrameReader
{
    /// <summary>Reads a frame.</summary>
    /// <returns>The frame; or null, and why there is none.</returns>
    /// <exception cref="IOException">The stream failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask<(TunnelFrame? Frame, TunnelRefusal Reason, string Problem)> ReadAsync(
        Stream stream, CancellationToken cancellationToken)
    {
        byte[] prefix = new byte[TunnelFrame.PrefixLength];
        if (await stream.ReadAtLeastAsync(prefix, prefix.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < prefix.Length)
        {
            return (null, TunnelRefusal.Malformed, "the stream ended within its header");
        }

        if (prefix[0] != TunnelFrame.Version)
        {
            return (null, TunnelRefusal.Unsupported, $"the header has version {prefix[0]}; this end knows {TunnelFrame.Version}");
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(prefix.AsSpan(2));
        if (length > TunnelFrame.MaxBodyLength)
        {
            return (null, TunnelRefusal.Malformed, $"the header has {length} bytes; {TunnelFrame.MaxBodyLength} are allowed");
        }

        byte[] body = new byte[length];
        if (await stream.ReadAtLeastAsync(body, length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < length)
        {
            return (null, TunnelRefusal.Malformed, "the stream ended within its header");
        }

        return TunnelFrame.ParseBody(prefix[1], body) is { } frame
            ? (frame, default, "")
            : (null, TunnelRefusal.Malformed, "the header cannot be read");
    }
}
