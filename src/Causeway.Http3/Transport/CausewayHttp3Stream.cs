namespace Causeway.Http3.Transport;

/// <summary>A <see cref="CausewayStream"/> as HTTP sees it.</summary>
internal sealed class CausewayHttp3Stream(CausewayStream stream) : Http3Stream
{
    private volatile bool _isAborted;

    // SEAM: the direction and the ID of RFC 9000, once CausewayStream tells them.
    public override bool IsBidirectional => true;

    public override long Id => stream.Id;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error)
        {
            throw CausewayTransport.StreamError(error);
        }
        catch (ObjectDisposedException error) when (_isAborted)
        {
            throw NewAborted(error);
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await stream.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error)
        {
            throw CausewayTransport.StreamError(error);
        }
        catch (ObjectDisposedException error) when (_isAborted)
        {
            throw NewAborted(error);
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (TransportException error)
        {
            throw CausewayTransport.StreamError(error);
        }
        catch (ObjectDisposedException error) when (_isAborted)
        {
            throw NewAborted(error);
        }
    }

    public override void CompleteWrites()
    {
        if (!_isAborted)
        {
            stream.CompleteWrites();
        }
    }

    // SEAM: RESET_STREAM and STOP_SENDING with the code, one direction at a time. Today a stream can only be given up whole:
    // a reader that wants no more lets it go on, and the stream is given up when the writer wants no more either.
    public override void Abort(StreamDirections directions, Http3ErrorCode code)
    {
        if ((directions & StreamDirections.Write) != 0)
        {
            _isAborted = true;
            stream.Abort();
        }
    }

    public override ValueTask DisposeAsync() => stream.DisposeAsync();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            stream.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Http3Exception NewAborted(Exception inner) =>
        new(Http3ErrorCode.RequestCancelled, "The stream was given up on this side.", inner);
}
