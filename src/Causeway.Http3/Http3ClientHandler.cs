using System.Collections.Concurrent;
using System.Net;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>
/// Sends the requests of an <see cref="HttpClient"/> over HTTP/3 (RFC 9114), all requests to one authority over one connection
/// that the application makes. Thread-safe.
/// </summary>
/// <remarks>
/// No redirects, cookies, proxies or decompression: put other handlers around it for those. A request that the server
/// certainly did not process is sent again on a new connection, unless its content was begun.
/// </remarks>
public sealed class Http3ClientHandler : HttpMessageHandler
{
    /// <summary>
    /// Key of <see cref="HttpRequestMessage.Options"/> for fields that are sent after the request's content. They may be
    /// changed until the content has been sent.
    /// </summary>
    public static readonly HttpRequestOptionsKey<IReadOnlyList<HttpField>> RequestTrailers = new("Causeway.Http3.RequestTrailers");

    // A server that shuts down rejects once or twice; one that always rejects must not be asked forever.
    private const int MaxAttempts = 3;

    // RFC 8470, 5.2.
    private const HttpStatusCode TooEarly = (HttpStatusCode)425;

    private readonly Func<DnsEndPoint, CancellationToken, ValueTask<IHttp3Transport>> _connect;
    private readonly Http3Limits _limits;
    private readonly ConcurrentDictionary<(string Host, int Port), PooledConnection> _connections = new();
    private volatile bool _isDisposed;

    /// <summary>Makes a handler.</summary>
    /// <param name="connect">
    /// Opens a connection to an authority, with the ALPN token "h3". The handler closes it.
    /// </param>
    /// <param name="limits">Limits, or null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range; the message names it.</exception>
    public Http3ClientHandler(Func<DnsEndPoint, CancellationToken, ValueTask<CausewayConnection>> connect, Http3Limits? limits = null)
        : this(Adapt(connect), limits)
    {
    }

    private static bool IsSafe(HttpMethod method) =>
        method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Options || method == HttpMethod.Trace;

    internal Http3ClientHandler(Func<DnsEndPoint, CancellationToken, ValueTask<IHttp3Transport>> connect, Http3Limits? limits)
    {
        _connect = connect;
        _limits = limits ?? new Http3Limits();
        _limits.Validate();
    }

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">
    /// The request cannot be sent, or failed; the inner exception is an <see cref="Http3Exception"/> with the code, or what
    /// opening the connection threw.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (request.RequestUri is not { IsAbsoluteUri: true } uri || uri.Scheme != Uri.UriSchemeHttps)
        {
            throw new HttpRequestException("HTTP/3 needs an absolute https URI.");
        }

        // RFC 8470, 4: only requests with safe methods go early; one that the server thinks too early goes again after the handshake.
        bool mayBeEarly = request.Content is null && IsSafe(request.Method);
        DnsEndPoint authority = new(uri.IdnHost, uri.Port);
        for (int attempt = 1; ; attempt++)
        {
            PooledConnection pooled = _connections.GetOrAdd((authority.Host, authority.Port), static _ => new PooledConnection());
            Http3ClientConnection connection = await ConnectAsync(pooled, authority, cancellationToken).ConfigureAwait(false);
            try
            {
                HttpResponseMessage response = await connection.SendAsync(request, mayBeEarly, cancellationToken).ConfigureAwait(false);
                if (response.StatusCode != TooEarly || !mayBeEarly)
                {
                    return response;
                }

                response.Dispose();
                mayBeEarly = false;
                await connection.WaitForHandshakeAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Http3Exception error)
                when (error.IsRejected && (request.Content is null || error.IsUnsent) && attempt < MaxAttempts && !_isDisposed)
            {
                // The server did nothing for it (RFC 9114, 4.1.1).
                pooled.Retire(connection);
            }
            catch (IOException error)
            {
                throw new HttpRequestException(HttpRequestError.HttpProtocolError, error.Message, error);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            foreach (PooledConnection pooled in _connections.Values)
            {
                _ = pooled.CloseAsync();
            }
        }

        base.Dispose(disposing);
    }

    private static Func<DnsEndPoint, CancellationToken, ValueTask<IHttp3Transport>> Adapt(
        Func<DnsEndPoint, CancellationToken, ValueTask<CausewayConnection>> connect)
    {
        ArgumentNullException.ThrowIfNull(connect);
        return async (authority, cancellationToken) =>
            new CausewayTransport(await connect(authority, cancellationToken).ConfigureAwait(false), isClient: true);
    }

    private async ValueTask<Http3ClientConnection> ConnectAsync(
        PooledConnection pooled, DnsEndPoint authority, CancellationToken cancellationToken)
    {
        try
        {
            return await pooled.GetAsync(token => _connect(authority, token), _limits, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw new HttpRequestException(HttpRequestError.ConnectionError, error.Message, error);
        }
    }
}
