using Causeway.Http3.Messages;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>A request as a server sees it.</summary>
public sealed class Http3Request
{
    private readonly MessageReader _reader;

    internal Http3Request(RequestHead head, MessageReader reader)
    {
        _reader = reader;
        Method = head.Method;
        Scheme = head.Scheme;
        Authority = head.Authority;
        Path = head.Path;
        Headers = head.Fields;
        ContentLength = head.ContentLength;
        Body = new RequestStream(reader);
    }

    /// <summary>The method, as "GET".</summary>
    public string Method { get; }

    /// <summary>The scheme; empty for CONNECT.</summary>
    public string Scheme { get; }

    /// <summary>Host and port as the client named them; empty if only the "host" field has them.</summary>
    public string Authority { get; }

    /// <summary>Path and query as the client sent them, percent-encoded; empty for CONNECT.</summary>
    public string Path { get; }

    /// <summary>The header fields without pseudo-header fields, in their order, names in lower case.</summary>
    public IReadOnlyList<HttpField> Headers { get; }

    /// <summary>The length of the content in bytes, or -1 if the client did not say.</summary>
    public long ContentLength { get; }

    /// <summary>
    /// The content. Reads throw <see cref="Http3Exception"/> when the client cancels the request or breaks the protocol. It
    /// need not be read.
    /// </summary>
    public Stream Body { get; }

    /// <summary>The trailer fields; empty until <see cref="Body"/> has been read to its end.</summary>
    public IReadOnlyList<HttpField> Trailers => _reader.Trailers;

    private sealed class RequestStream(MessageReader reader) : ForwardStream
    {
        public override bool CanRead => true;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            reader.ReadContentAsync(buffer, cancellationToken);
    }
}
