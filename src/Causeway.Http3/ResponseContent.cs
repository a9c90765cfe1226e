using System.Net;
using Causeway.Http3.Transport;

namespace Causeway.Http3;

/// <summary>The content of a response: read once, straight off the stream.</summary>
internal sealed class ResponseContent(Stream stream) : HttpContent
{
    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(stream);

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => stream;

    protected override Task SerializeToStreamAsync(Stream target, TransportContext? context) =>
        SerializeToStreamAsync(target, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(
        Stream target, TransportContext? context, CancellationToken cancellationToken)
    {
        await using (stream.ConfigureAwait(false))
        {
            await stream.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            stream.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>The bytes of a response's content. To dispose it before the end cancels the request.</summary>
internal sealed class ResponseStream(ClientExchange exchange, HttpResponseMessage response) : ForwardStream
{
    private bool _isDisposed;

    public override bool CanRead => !_isDisposed;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return exchange.ReadContentAsync(response, buffer, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            exchange.Abandon();
        }

        base.Dispose(disposing);
    }
}
