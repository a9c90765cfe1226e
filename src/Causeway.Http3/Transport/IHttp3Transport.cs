namespace Causeway.Http3.Transport;

/// <summary>
/// A connection of QUIC as HTTP sees it. Thread-safe. All members that take time throw <see cref="Http3Exception"/> with
/// <see cref="Http3Exception.IsConnectionError"/> once the connection has ended.
/// </summary>
internal interface IHttp3Transport : IAsyncDisposable
{
    /// <summary>Whether this side opened the connection.</summary>
    bool IsClient { get; }

    /// <summary>Opens a stream in both directions; waits while the peer's stream limit is reached.</summary>
    ValueTask<Http3Stream> OpenBidirectionalAsync(CancellationToken cancellationToken);

    /// <summary>Opens a stream that only this side writes to; waits while the peer's stream limit is reached.</summary>
    ValueTask<Http3Stream> OpenUnidirectionalAsync(CancellationToken cancellationToken);

    /// <summary>Waits for the next stream that the peer opens, of either kind.</summary>
    ValueTask<Http3Stream> AcceptAsync(CancellationToken cancellationToken);

    /// <summary>Ends the connection with an application error code. Only the first call has an effect.</summary>
    /// <param name="code">The code that the peer sees.</param>
    /// <param name="reason">Text for the peer's log.</param>
    ValueTask CloseAsync(Http3ErrorCode code, string reason);
}
