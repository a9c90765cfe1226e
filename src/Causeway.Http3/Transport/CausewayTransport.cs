namespace Causeway.Http3.Transport;

/// <summary>
/// A <see cref="CausewayConnection"/> as HTTP sees it. Its streams have both directions and no error codes today: what depends
/// on more is in the members marked SEAM.
/// </summary>
internal sealed class CausewayTransport(CausewayConnection connection, bool isClient) : IHttp3Transport
{
    public bool IsClient => isClient;

    public async ValueTask<Http3Stream> OpenBidirectionalAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new CausewayHttp3Stream(await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (TransportException error)
        {
            throw ConnectionError(error);
        }
    }

    // SEAM: open a unidirectional stream once CausewayConnection has them.
    public ValueTask<Http3Stream> OpenUnidirectionalAsync(CancellationToken cancellationToken) =>
        ValueTask.FromException<Http3Stream>(new NotSupportedException(
            "HTTP/3 needs unidirectional streams, which this connection does not have; hq-interop works without them."));

    public async ValueTask<Http3Stream> AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            return new CausewayHttp3Stream(await connection.AcceptStreamAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (TransportException error)
        {
            throw ConnectionError(error);
        }
    }

    // SEAM: CONNECTION_CLOSE with the code and the reason, at once, once CausewayConnection takes them.
    public async ValueTask CloseAsync(Http3ErrorCode code, string reason)
    {
        try
        {
            await connection.CloseAsync().ConfigureAwait(false);
        }
        catch (TransportException)
        {
            // It has ended by itself.
        }
    }

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    // SEAM: the peer's application error code, once TransportException carries one.
    internal static Http3Exception StreamError(TransportException error) => new(Http3ErrorCode.None, error.Message, error)
    {
        IsConnectionError = error.Error is not (TransportError.StreamReset or TransportError.StreamClosedByPeer),
        IsByPeer = error.IsByPeer || error.Error is TransportError.StreamReset or TransportError.StreamClosedByPeer,
    };

    private static Http3Exception ConnectionError(TransportException error) =>
        new(Http3ErrorCode.None, error.Message, error) { IsConnectionError = true, IsByPeer = error.IsByPeer };
}
