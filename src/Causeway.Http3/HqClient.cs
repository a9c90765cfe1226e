using Causeway.Http3.Hq;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>
/// Fetches files by HTTP/0.9 over QUIC, ALPN token "hq-interop": the protocol that interoperability tests of QUIC use. No status:
/// a server that has no such file resets the stream.
/// </summary>
public static class HqClient
{
    /// <summary>Requests a file.</summary>
    /// <param name="connection">The connection; any number of requests may be under way.</param>
    /// <param name="path">Begins with a slash, percent-encoded.</param>
    /// <param name="cancellationToken">Cancels the request until the stream is returned.</param>
    /// <returns>
    /// The content, to be disposed. Reads throw <see cref="Http3Exception"/> if the server gives the request up.
    /// </returns>
    /// <exception cref="ArgumentException">The path cannot be sent.</exception>
    /// <exception cref="Http3Exception">The connection has ended.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static ValueTask<Stream> GetAsync(
        CausewayConnection connection, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(path);
        return GetAsync(new CausewayTransport(connection, isClient: true), path, cancellationToken);
    }

    internal static async ValueTask<Stream> GetAsync(
        IHttp3Transport transport, string path, CancellationToken cancellationToken)
    {
        byte[] request = HqRequest.Format(path);
        Http3Stream stream = await transport.OpenBidirectionalAsync(isReplaySafe: true, cancellationToken).ConfigureAwait(false);
        try
        {
            await stream.WriteLastAsync(request, cancellationToken).ConfigureAwait(false);
            return new HqContent(stream);
        }
        catch
        {
            stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestCancelled);
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
