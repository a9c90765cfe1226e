namespace Causeway.Http3;

/// <summary>A request or a connection of HTTP/3 failed: a stream error or a connection error (RFC 9114, 8).</summary>
public sealed class Http3Exception : IOException
{
    /// <summary>Makes an exception.</summary>
    public Http3Exception(Http3ErrorCode errorCode, string message, Exception? innerException = null)
        : base(message, innerException) => ErrorCode = errorCode;

    /// <summary>The error code that this side sent, or received if <see cref="IsByPeer"/>.</summary>
    public Http3ErrorCode ErrorCode { get; }

    /// <summary>Whether the whole connection failed; else only the stream of one request.</summary>
    public bool IsConnectionError { get; init; }

    /// <summary>Whether the peer ended the stream or the connection; else this side did.</summary>
    public bool IsByPeer { get; init; }

    /// <summary>
    /// Whether the server certainly did not process the request (H3_REQUEST_REJECTED, or a GOAWAY frame that excludes it), so
    /// that it can be sent again on another connection whatever its method (RFC 9114, 4.1.1 and 5.2).
    /// </summary>
    public bool IsRejected => ErrorCode == Http3ErrorCode.RequestRejected;

    /// <summary>Whether nothing of the request was sent, its content neither.</summary>
    internal bool IsUnsent { get; init; }

    internal static Http3Exception OfConnection(Http3ErrorCode code, string message) => new(code, message) { IsConnectionError = true };

    internal static Http3Exception OfStream(Http3ErrorCode code, string message) => new(code, message);

    /// <summary>The same for another throw: each has a stack of its own.</summary>
    internal Http3Exception Clone() => new(ErrorCode, Message, this) { IsConnectionError = IsConnectionError, IsByPeer = IsByPeer };
}
