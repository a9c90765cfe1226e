using Causeway.Http3.Framing;
using Causeway.Http3.Messages;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>The client's end of an HTTP/3 connection: any number of requests, some of them at a time. Thread-safe.</summary>
internal sealed class Http3ClientConnection : Http3Connection
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _slots;
    private readonly HashSet<ClientExchange> _exchanges = [];
    private long _goAwayId = VarInt.MaxValue;

    private Http3ClientConnection(IHttp3Transport transport, Http3Limits limits)
        : base(transport, limits) => _slots = new SemaphoreSlim(limits.MaxConcurrentRequests);

    /// <summary>Whether new requests can be sent: the connection is open and the server sent no GOAWAY frame.</summary>
    public bool IsUsable
    {
        get
        {
            lock (_gate)
            {
                return _goAwayId == VarInt.MaxValue && Failure is null;
            }
        }
    }

    /// <summary>Whether no request is under way.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return _exchanges.Count == 0;
            }
        }
    }

    /// <summary>Begins HTTP/3 on a connection of QUIC, which belongs to the result from then on.</summary>
    /// <exception cref="Http3Exception">The connection ended.</exception>
    public static async ValueTask<Http3ClientConnection> StartAsync(
        IHttp3Transport transport, Http3Limits limits, CancellationToken cancellationToken)
    {
        Http3ClientConnection connection = new(transport, limits);
        try
        {
            await connection.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        _ = connection.AcceptStreamsAsync();
        return connection;
    }

    /// <summary>Sends a request and waits for the header section of its response.</summary>
    /// <param name="request">The request.</param>
    /// <param name="mayBeEarly">Whether it may leave before the handshake, and so be sent again by somebody (RFC 8470).</param>
    /// <param name="cancellationToken">Gives the request up.</param>
    /// <returns>The response; its content is read from the stream, and its trailers are there after the content.</returns>
    /// <exception cref="Http3Exception">
    /// The request or the connection failed. <see cref="Http3Exception.IsRejected"/> if it can be sent again.
    /// </exception>
    /// <exception cref="HttpRequestException">A field cannot be sent, or the content failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the server was told H3_REQUEST_CANCELLED.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool mayBeEarly, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        List<HttpField> head = RequestFields.Of(request, PeerSettings.MaxFieldSectionSize);
        await WaitForSlotAsync(cancellationToken).ConfigureAwait(false);
        ClientExchange exchange;
        try
        {
            ThrowIfUnusable();
            Http3Stream stream = await Transport.OpenBidirectionalAsync(mayBeEarly, cancellationToken).ConfigureAwait(false);
            exchange = new ClientExchange(this, stream, request, head);
        }
        catch (Exception error)
        {
            _slots.Release();
            if (error is Http3Exception { IsConnectionError: true } ended)
            {
                throw NewUnsent("The connection has ended.", ended);
            }

            throw;
        }

        lock (_gate)
        {
            _exchanges.Add(exchange);
        }

        return await exchange.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a GOAWAY frame excludes a stream: the server will not process its request.</summary>
    internal bool IsExcluded(long streamId)
    {
        lock (_gate)
        {
            return streamId >= _goAwayId;
        }
    }

    /// <summary>Takes back the slot of a request whose both directions have ended.</summary>
    internal void Remove(ClientExchange exchange)
    {
        bool removed;
        lock (_gate)
        {
            removed = _exchanges.Remove(exchange);
        }

        if (removed)
        {
            _slots.Release();
            CloseIfOver();
        }
    }

    // A server that shuts down waits for its clients to leave: the last response is the time (RFC 9114, 5.2).
    private void CloseIfOver()
    {
        lock (_gate)
        {
            if (_goAwayId == VarInt.MaxValue || _exchanges.Count > 0)
            {
                return;
            }
        }

        _ = FailAsync(Http3Exception.OfConnection(Http3ErrorCode.NoError, "The server shuts down, and has answered everything.")).AsTask();
    }

    internal override bool OnGoAway(long id)
    {
        // A stream ID of a bidirectional stream that the client opened (RFC 9000, 2.1).
        if (id % 4 != 0)
        {
            return false;
        }

        ClientExchange[] excluded;
        lock (_gate)
        {
            _goAwayId = id;
            excluded = [.. _exchanges.Where(exchange => exchange.StreamId >= id)];
        }

        foreach (ClientExchange exchange in excluded)
        {
            exchange.Reject();
        }

        CloseIfOver();
        return true;
    }

    protected override void OnBidirectionalStream(Http3Stream stream)
    {
        // No extension that lets servers open these was negotiated (RFC 9114, 6.1).
        _ = FailAsync(Http3Exception.OfConnection(
            Http3ErrorCode.StreamCreationError, "The server opened a bidirectional stream.")).AsTask();
    }

    private async ValueTask WaitForSlotAsync(CancellationToken cancellationToken)
    {
        if (await _slots.WaitAsync(0, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Ended);
        try
        {
            await _slots.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            ThrowIfUnusable();
            throw;
        }
    }

    private void ThrowIfUnusable()
    {
        if (Failure is { } failure)
        {
            // Nothing of the request was sent.
            throw NewUnsent("The connection has ended.", failure);
        }

        if (!IsUsable)
        {
            throw NewUnsent("The server takes no more requests on this connection.", null);
        }
    }

    private static Http3Exception NewUnsent(string message, Http3Exception? reason) =>
        new(Http3ErrorCode.RequestRejected, message, reason) { IsUnsent = true };
}
