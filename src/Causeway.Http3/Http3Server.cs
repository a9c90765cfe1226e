using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>Serves HTTP/3 (RFC 9114) on connections that the application accepted with the ALPN token "h3". Thread-safe.</summary>
public sealed class Http3Server
{
    private readonly Http3RequestHandler _handler;
    private readonly Http3Limits _limits;
    private readonly TimeProvider _time;

    /// <summary>Makes a server.</summary>
    /// <param name="handler">Answers requests, many at a time.</param>
    /// <param name="limits">Limits of each connection, or null for the defaults.</param>
    /// <param name="timeProvider">What the Date field is read from; null for the system's clock.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range; the message names it.</exception>
    public Http3Server(Http3RequestHandler handler, Http3Limits? limits = null, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _handler = handler;
        _limits = limits ?? new Http3Limits();
        _limits.Validate();
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>Serves one connection until it ends, for whatever reason; closes it.</summary>
    /// <param name="connection">The connection, which belongs to the server from here on.</param>
    /// <param name="cancellationToken">
    /// When cancelled, the client is told by a GOAWAY frame, requests under way are finished, then the connection is closed.
    /// </param>
    /// <returns>Why the connection ended; null if it was closed without an error by either side.</returns>
    public Task<Http3Exception?> ServeAsync(CausewayConnection connection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return ServeAsync(new CausewayTransport(connection, isClient: false), cancellationToken);
    }

    internal async Task<Http3Exception?> ServeAsync(IHttp3Transport transport, CancellationToken cancellationToken)
    {
        Http3ServerConnection connection = new(transport, _handler, _limits, _time);
        await using (connection.ConfigureAwait(false))
        {
            await connection.RunAsync(cancellationToken).ConfigureAwait(false);
        }

        return connection.Failure is { ErrorCode: not Http3ErrorCode.NoError } failure ? failure : null;
    }
}
