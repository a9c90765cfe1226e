namespace Causeway.Http3.Transport;

/// <summary>
/// A <see cref="CausewayConnection"/> as HTTP sees it. HTTP/3 needs a profile with unidirectional streams, which QUIC has;
/// hq-interop works over any.
/// </summary>
internal sealed class CausewayTransport(CausewayConnection connection, bool isClient) : IHttp3Transport
{
    public bool IsClient => isClient;

    public async Task WaitForHandshakeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await connection.WaitForHandshakeAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error)
        {
            throw ConnectionError(error);
        }
    }

    public ValueTask<Http3Stream> OpenBidirectionalAsync(bool isReplaySafe, CancellationToken cancellationToken) =>
        OpenAsync(StreamDirection.Bidirectional, isReplaySafe, cancellationToken);

    public ValueTask<Http3Stream> OpenUnidirectionalAsync(CancellationToken cancellationToken) =>
        OpenAsync(StreamDirection.Unidirectional, isReplaySafe: true, cancellationToken);

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

    public ValueTask CloseAsync(Http3ErrorCode code, string reason) => connection.CloseAsync((long)code, reason);

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    internal static Http3Exception ConnectionError(TransportException error) => new(CodeOf(error), error.Message, error)
    {
        IsConnectionError = true,
        IsByPeer = error.IsByPeer,
    };

    /// <summary>The peer's code, where it is one of the application.</summary>
    internal static Http3ErrorCode CodeOf(TransportException error) =>
        error.IsApplicationError && error.ErrorCode is { } code ? (Http3ErrorCode)code : Http3ErrorCode.None;

    private async ValueTask<Http3Stream> OpenAsync(StreamDirection direction, bool isReplaySafe, CancellationToken cancellationToken)
    {
        try
        {
            ValueTask<CausewayStream> opening = isReplaySafe
                ? connection.OpenReplaySafeStreamAsync(direction, cancellationToken)
                : connection.OpenStreamAsync(direction, cancellationToken);
            return new CausewayHttp3Stream(await opening.ConfigureAwait(false));
        }
        catch (TransportException error)
        {
            throw ConnectionError(error);
        }
    }
}
