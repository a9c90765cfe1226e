using System.IO.Pipelines;

namespace Causeway;

/// <summary>
/// The framework's writer over a stream, with one difference: completing it ends the sending direction instead of
/// closing the whole stream.
/// </summary>
internal sealed class StreamPipeWriter : PipeWriter
{
    private readonly CausewayStream _stream;
    private readonly PipeWriter _inner;

    public StreamPipeWriter(CausewayStream stream)
    {
        _stream = stream;
        _inner = Create(stream, new StreamPipeWriterOptions(minimumBufferSize: 16384, leaveOpen: true));
    }

    public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => _inner.UnflushedBytes;

    public override void Advance(int bytes) => _inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => _inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        _inner.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        _inner.WriteAsync(source, cancellationToken);

    public override void Complete(Exception? exception = null)
    {
        try
        {
            _inner.Complete(exception);
        }
        catch (Exception error)
        {
            EndDirectionAfter(error, exception);
            throw;
        }

        EndDirection(exception);
    }

    public override async ValueTask CompleteAsync(Exception? exception = null)
    {
        try
        {
            await _inner.CompleteAsync(exception).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            EndDirectionAfter(error, exception);
            throw;
        }

        EndDirection(exception);
    }

    // Completing flushes first. If the stream refused the bytes, the direction is over anyway, and the other one may
    // still have something to read; if they were lost on this side, the peer must not take what it has for the whole.
    private void EndDirectionAfter(Exception flushError, Exception? exception) =>
        EndDirection(flushError is TransportException ? exception : flushError);

    private void EndDirection(Exception? exception)
    {
        if (exception is not null)
        {
            _stream.Abort();
        }
        else if (_stream.CanWrite)
        {
            _stream.CompleteWrites();
        }
    }
}
