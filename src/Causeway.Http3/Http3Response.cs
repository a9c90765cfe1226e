namespace Causeway.Http3;

/// <summary>Answers a request.</summary>
/// <param name="request">The request.</param>
/// <param name="cancellationToken">Cancelled when the connection has ended.</param>
/// <returns>
/// The response. What the handler throws becomes status 500, unless it is the <see cref="Http3Exception"/> of a failed read.
/// </returns>
public delegate ValueTask<Http3Response> Http3RequestHandler(Http3Request request, CancellationToken cancellationToken);

/// <summary>A response as a server gives it.</summary>
public sealed class Http3Response
{
    /// <summary>Makes a response.</summary>
    /// <param name="statusCode">From 200 to 599.</param>
    /// <exception cref="ArgumentOutOfRangeException">The status is none of a final response.</exception>
    public Http3Response(int statusCode)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(statusCode, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(statusCode, 599);
        StatusCode = statusCode;
    }

    /// <summary>The status.</summary>
    public int StatusCode { get; }

    /// <summary>The header fields; names are sent in lower case. None may be specific to a connection of HTTP/1.1.</summary>
    public IList<HttpField> Headers { get; } = [];

    /// <summary>
    /// The content, read to its end and then disposed; null for none. Not sent in answer to HEAD. It may be
    /// <see cref="Http3Request.Body"/>.
    /// </summary>
    public Stream? Body { get; init; }

    /// <summary>Fields that are sent after the content; asked for when it has been sent. Null for none.</summary>
    public Func<IEnumerable<HttpField>>? Trailers { get; init; }
}
