using System.Threading.Tasks.Sources;

namespace Causeway;

/// <content>
/// The sending direction. A write lends its memory to the shard, which copies from it straight into segments whenever
/// it is the stream's turn and windows allow; only the shard completes a write, so that the memory is never read
/// afterwards.
/// <code>
/// idle --WriteAsync--> starting --> pending --all bytes taken | failed | cancelled, on the shard--> completed --await--> idle
/// </code>
/// </content>
public sealed partial class CausewayStream
{
    // QPP and the like rewrite a frame's worth of bytes at a time into a scratch of the stream's own.
    private const int CipherBlock = 8192;

    private ManualResetValueTaskSourceCore<bool> _written = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _writeCancellation;
    private CancellationToken _writeToken;
    private ReadOnlyMemory<byte> _writing;
    private byte[]? _enciphered;
    private int _encipheredStart;
    private int _encipheredLength;
    private Exception? _writeError;
    private volatile bool _finishRequested;
    private volatile bool _writeCancelRequested;
    private int _writeState;
    private bool _isLastWrite;
    private bool _resumesWriter;

    // _writeState: no write; not yet the shard's; bytes with the shard; done, its result not yet taken.
    private const int WriteIdle = 0;
    private const int WriteStarting = 1;
    private const int WritePending = 2;
    private const int WriteDone = 3;

    /// <inheritdoc/>
    /// <exception cref="TransportException">The peer closed or reset the stream, or the connection ended.</exception>
    /// <exception cref="InvalidOperationException">Another write is under way, or writes were completed.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        WriteCore(buffer, isLast: false, cancellationToken);

    /// <summary>
    /// Writes, and with <paramref name="completeWrites"/> ends the sending direction with the last byte, as
    /// <see cref="CompleteWrites"/> does. If such a write is cancelled, this side gives the direction up, so that what was cut off
    /// cannot pass for a whole.
    /// </summary>
    /// <param name="buffer">What to write; may be empty.</param>
    /// <param name="completeWrites">Whether nothing follows.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <exception cref="TransportException">The peer closed or reset the stream, or the connection ended.</exception>
    /// <exception cref="InvalidOperationException">Another write is under way, or writes were completed.</exception>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, bool completeWrites, CancellationToken cancellationToken = default) =>
        WriteCore(buffer, completeWrites, cancellationToken);

    private ValueTask WriteCore(ReadOnlyMemory<byte> buffer, bool isLast, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_mux.CanWrite)
        {
            throw new InvalidOperationException("Only the peer sends on the stream: it is unidirectional, and was opened there.");
        }

        if (_finishRequested)
        {
            throw new InvalidOperationException("The writes of this stream were completed.");
        }

        if (Volatile.Read(ref _writeError) is { } error)
        {
            return ValueTask.FromException(CloneError(error));
        }

        if (buffer.IsEmpty)
        {
            if (isLast)
            {
                FinishWrites();
            }

            return ValueTask.CompletedTask;
        }

        if (Interlocked.CompareExchange(ref _writeState, WriteStarting, WriteIdle) != WriteIdle)
        {
            throw new InvalidOperationException("Another write of this stream is under way.");
        }

        // The shard may be asking this very stream for more, or failing it: it sees the write once all of it is there.
        _writing = buffer;
        _writeToken = cancellationToken;
        _writeCancelRequested = false;
        _isLastWrite = isLast;
        Volatile.Write(ref _writeState, WritePending);
        if (isLast)
        {
            // Not before the write is there: the end would overtake it.
            _finishRequested = true;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _writeCancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((CausewayStream)state!).CancelWrite(), this);
        }

        ValueTask written = new(_work, _written.Version);
        Connection.Shard.Post(_work);
        if (written.IsCompletedSuccessfully)
        {
            written.GetAwaiter().GetResult();
            return ValueTask.CompletedTask;
        }

        return written;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    /// <summary>
    /// Lets the peer know of a stream to which nothing was written yet. Beyond that there is nothing to do: what was
    /// written leaves as soon as windows allow.
    /// </summary>
    public override void Flush() => SendOpening();

    /// <inheritdoc cref="Flush"/>
    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled(cancellationToken);
        }

        SendOpening();
        return Task.CompletedTask;
    }

    private void SendOpening()
    {
        if (_openingHeld)
        {
            Connection.Shard.Post(_work);
        }
    }

    private void FinishWrites()
    {
        _finishRequested = true;
        Connection.Shard.Post(_work);
    }

    private void CancelWrite()
    {
        _writeCancelRequested = true;
        Connection.Shard.Post(_work);
    }

    private bool IsWritePending => Volatile.Read(ref _writeState) == WritePending;

    private void StartWriteOnShard()
    {
        if (IsWritePending)
        {
            if (_writeCancelRequested)
            {
                FailPendingWrite(new OperationCanceledException(_writeToken));
                if (_finishRequested && _isLastWrite)
                {
                    _mux.Abort(reads: false, writes: true, errorCode: 0);
                    FailWrites(new TransportException(TransportError.StreamReset, "The last write of the stream was cancelled."));
                }
            }
            else if (_writeError is { } error)
            {
                FailWrites(error);
            }
            else if (_mux.IsWriteFinished && (_mux.WriteErrorCode is not null || !_finishRequested) && !Connection.IsClosing)
            {
                // The peer's wish came in earlier in this turn; the event that tells of it comes later.
                FailWrites(NewWritesStopped());
            }
            else if (_mux.IsWriteFinished)
            {
                // The end went out between this write's first look and now: nobody would ever take its bytes.
                FailPendingWrite(Connection.IsClosing
                    ? Connection.NewClosedException()
                    : new InvalidOperationException("The writes of this stream were completed."));
            }
            else
            {
                _mux.NotifyWritable();
            }
        }

        if (_finishRequested)
        {
            FinishWritesOnShard();
        }
    }

    private void FinishWritesOnShard()
    {
        _mux.FinishWrites();
        CloseWritesIfFinished();
    }

    private ReadOnlySpan<byte> PeekWrite()
    {
        if (_encipheredLength > 0)
        {
            return _enciphered.AsSpan(_encipheredStart, _encipheredLength);
        }

        if (!IsWritePending)
        {
            return default;
        }

        ReadOnlySpan<byte> bytes = _writing.Span;
        if (_cipher is null)
        {
            return bytes;
        }

        _enciphered ??= new byte[CipherBlock];
        _encipheredStart = 0;
        _encipheredLength = Math.Min(bytes.Length, CipherBlock);
        _cipher.Encrypt(bytes[.._encipheredLength], _enciphered);
        _writing = _writing[_encipheredLength..];
        return _enciphered.AsSpan(0, _encipheredLength);
    }

    private void AdvanceWrite(int count)
    {
        if (_cipher is null)
        {
            _writing = _writing[count..];
        }
        else
        {
            _encipheredStart += count;
            _encipheredLength -= count;
        }

        if (_writing.IsEmpty && _encipheredLength == 0)
        {
            CompleteWrite();
        }
    }

    private void CompleteWrite()
    {
        if (Interlocked.CompareExchange(ref _writeState, WriteDone, WritePending) == WritePending)
        {
            _writing = default;
            CloseWritesIfFinished();
            if (Connection.Shard.ResumesInline)
            {
                _resumesWriter = true;
                ResumeAfterTurn();
            }
            else
            {
                _written.RunContinuationsAsynchronously = true;
                _written.SetResult(true);
            }
        }
    }

    /// <summary>Fails the pending write and all later ones; the first reason stays. On the shard.</summary>
    private void FailWrites(Exception error)
    {
        Exception first = Interlocked.CompareExchange(ref _writeError, error, null) ?? error;
        _writesClosed.Complete(first as TransportException ?? new TransportException(
            TransportError.ConnectionClosed, "The stream was disposed before everything was written.", first));
        FailPendingWrite(CloneError(first));
    }

    private TransportException NewWritesStopped() => new(
        TransportError.StreamClosedByPeer,
        $"The peer closed the stream{TransportException.CodeText(_mux.WriteErrorCode, isApplicationError: true)}; " +
        "what is written can no longer be delivered.")
    {
        IsByPeer = true,
        ErrorCode = _mux.WriteErrorCode,
        IsApplicationError = _mux.WriteErrorCode is not null,
    };

    private void FailPendingWrite(Exception error)
    {
        if (Interlocked.CompareExchange(ref _writeState, WriteDone, WritePending) == WritePending)
        {
            _writing = default;
            _written.RunContinuationsAsynchronously = true;
            _written.SetException(error);
        }
    }

    private static Exception CloneError(Exception error) => error is TransportException e
        ? e.Clone()
        : error;

    private void TakeWritten(short token)
    {
        if (_written.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The write has not completed; await it.");
        }

        _writeCancellation.Dispose();
        _writeCancellation = default;
        try
        {
            _written.GetResult(token);
        }
        finally
        {
            _written.Reset();
            _writeToken = default;
            Volatile.Write(ref _writeState, WriteIdle);
        }
    }

    private ValueTaskSourceStatus WrittenStatus(short token) => _written.GetStatus(token);

    private void OnWritten(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _written.OnCompleted(continuation, state, token, flags);

    private sealed partial class StreamWork : IValueTaskSource
    {
        void IValueTaskSource.GetResult(short token) => stream.TakeWritten(token);

        ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => stream.WrittenStatus(token);

        void IValueTaskSource.OnCompleted(
            Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            stream.OnWritten(continuation, state, token, flags);
    }
}
