namespace Causeway.Http3.Transport;

/// <summary>
/// A connection of QUIC as HTTP sees it. Thread-safe. All members that take time throw <see cref="Http3Exception"/> with
/// <see cref="Http3Exception.IsConnectionError"/> once the connection has ended.
/// </summary>
internal interface IHttp3Transport : IAsyncDisposable
{
    /// <summary>Whether this side opened the connection.</summary>
    bool IsClient { get; }

    /// <summary>Waits until both sides know each other. What a client sent before may be a recording (RFC 8470).</summary>
    Task WaitForHandshakeAsync(CancellationToken cancellationToken);

    /// <summary>Opens a stream in both directions; waits while the peer's stream limit is reached.</summary>
    /// <param name="isReplaySafe">Whether what is sent may be sent again by somebody else, and so may leave before the handshake.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    ValueTask<Http3Stream> OpenBidirectionalAsync(bool isReplaySafe, CancellationToken cancellationToken);

    /// <summary>
    /// Opens a stream that only this side writes to; waits while the peer's stream limit is reached. What it carries, settings and
    /// the like, may leave before the handshake.
    /// </summary>
    ValueTask<Http3Stream> OpenUnidirectionalAsync(CancellationToken cancellationToken);

    /// <summary>Waits for the next stream that the peer opens, of either kind.</summary>
    ValueTask<Http3Stream> AcceptAsync(CancellationToken cancellationToken);

    /// <summary>Ends the connection with an application error code. Only the first call has an effect.</summary>
    /// <param name="code">The code that the peer sees.</param>
    /// <param name="reason">Text for the peer's log.</param>
    ValueTask CloseAsync(Http3ErrorCode code, string reason);
}
