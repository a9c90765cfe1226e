using System.Diagnostics;

namespace Causeway.Http3.Transport;

/// <summary>A <see cref="CausewayStream"/> as HTTP sees it.</summary>
internal sealed class CausewayHttp3Stream : Http3Stream
{
    private readonly CausewayStream _stream;
    private int _aborted;

    public CausewayHttp3Stream(CausewayStream stream)
    {
        _stream = stream;
        CanRead = stream.CanRead;
        CanWrite = stream.CanWrite;
    }

    public override bool IsBidirectional => CanRead && CanWrite;

    public override long Id => _stream.Id;

    public override bool CanRead { get; }

    public override bool CanWrite { get; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException)
        {
            throw Translate(error, StreamDirections.Read);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        WriteAsync(buffer, isLast: false, cancellationToken);

    public override ValueTask WriteLastAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken) =>
        WriteAsync(buffer, isLast: true, cancellationToken);

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, bool isLast, CancellationToken cancellationToken)
    {
        try
        {
            await _stream.WriteAsync(buffer, isLast, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException)
        {
            throw Translate(error, StreamDirections.Write);
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException)
        {
            throw Translate(error, StreamDirections.Write);
        }
    }

    public override void CompleteWrites()
    {
        if (CanWrite && !IsAborted(StreamDirections.Write))
        {
            _stream.CompleteWrites();
        }
    }

    public override void Abort(StreamDirections directions, Http3ErrorCode code)
    {
        // Only what the stream has and was not given up before: the first code counts.
        int own = (CanRead ? (int)StreamDirections.Read : 0) | (CanWrite ? (int)StreamDirections.Write : 0);
        int wanted = (int)directions & own;
        int fresh = wanted & ~Interlocked.Or(ref _aborted, wanted);
        if (fresh != 0)
        {
            Debug.Assert((int)StreamAbortDirections.Both == (int)StreamDirections.Both, "the same bits");
            _stream.Abort((StreamAbortDirections)fresh, (long)code);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool IsAborted(StreamDirections directions) => (Volatile.Read(ref _aborted) & (int)directions) != 0;

    private Http3Exception Translate(Exception error, StreamDirections direction) => error switch
    {
        _ when IsAborted(direction) => new Http3Exception(
            Http3ErrorCode.RequestCancelled, "The stream was given up on this side.", error),
        TransportException { Error: TransportError.StreamReset or TransportError.StreamClosedByPeer } ended =>
            new Http3Exception(CausewayTransport.CodeOf(ended), ended.Message, ended) { IsByPeer = true },
        TransportException ended => CausewayTransport.ConnectionError(ended),
        _ => new Http3Exception(Http3ErrorCode.None, "The stream was disposed.", error),
    };
}
