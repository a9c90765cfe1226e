using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;

namespace Causeway;

/// <summary>
/// The framework's writer over a stream, with two differences. Completing it ends the sending direction instead of closing
/// the whole stream. And a peer that takes no more is no exception but <see cref="FlushResult.IsCompleted"/>, as in a pipe
/// whose reader has completed: what is written from then on is dropped.
/// </summary>
internal sealed class StreamPipeWriter : PipeWriter
{
    private const int MinimumBuffer = 16384;

    private readonly CausewayStream _stream;
    private readonly PipeWriter _inner;

    // Where bytes go that nobody takes; null while the peer takes some.
    private byte[]? _discard;

    public StreamPipeWriter(CausewayStream stream)
    {
        _stream = stream;
        _inner = Create(stream, new StreamPipeWriterOptions(minimumBufferSize: MinimumBuffer, leaveOpen: true));
    }

    public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => IsPeerGone ? 0 : _inner.UnflushedBytes;

    [MemberNotNullWhen(true, nameof(_discard))]
    private bool IsPeerGone => _discard is not null;

    public override void Advance(int bytes)
    {
        if (IsPeerGone)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)_discard.Length, nameof(bytes));
            return;
        }

        _inner.Advance(bytes);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => IsPeerGone ? Discard(sizeHint) : _inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => IsPeerGone ? Discard(sizeHint) : _inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => _inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        IsPeerGone ? Gone : TakeAsync(_inner.FlushAsync(cancellationToken));

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        IsPeerGone ? Gone : TakeAsync(_inner.WriteAsync(source, cancellationToken));

    public override void Complete(Exception? exception = null)
    {
        try
        {
            _inner.Complete(IsPeerGone ? s_dropped : exception);
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
            await _inner.CompleteAsync(IsPeerGone ? s_dropped : exception).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            EndDirectionAfter(error, exception);
            throw;
        }

        EndDirection(exception);
    }

    private static ValueTask<FlushResult> Gone => new(new FlushResult(isCanceled: false, isCompleted: true));

    // Keeps the inner writer from flushing what it still holds; nobody sees it.
    private static readonly Exception s_dropped = new IOException("The peer takes no more.");

    private ValueTask<FlushResult> TakeAsync(ValueTask<FlushResult> flush)
    {
        return flush.IsCompletedSuccessfully ? flush : WaitAsync(flush);

        async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> flush)
        {
            try
            {
                return await flush.ConfigureAwait(false);
            }
            catch (TransportException)
            {
                // The reason is told by reads and by CausewayStream.WritesClosed.
                _discard = [];
                return await Gone.ConfigureAwait(false);
            }
        }
    }

    private byte[] Discard(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int size = Math.Max(sizeHint, MinimumBuffer);
        if (_discard!.Length < size)
        {
            _discard = new byte[size];
        }

        return _discard;
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
