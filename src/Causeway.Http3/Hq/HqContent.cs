using Causeway.Http3.Transport;

namespace Causeway.Http3.Hq;

/// <summary>The content of a response. To dispose it before the end cancels the request.</summary>
internal sealed class HqContent(Http3Stream stream) : ForwardStream
{
    private bool _isEnded;
    private bool _isDisposed;

    public override bool CanRead => !_isDisposed;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        int count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        _isEnded |= count == 0 && !buffer.IsEmpty;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            if (!_isEnded)
            {
                stream.Abort(StreamDirections.Both, Http3ErrorCode.RequestCancelled);
            }

            stream.Dispose();
        }

        base.Dispose(disposing);
    }
}
