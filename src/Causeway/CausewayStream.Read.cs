using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Causeway.Runtime;

namespace Causeway;

/// <content>
/// The receiving direction. The shard publishes what arrived once a turn under a short lock; the reader swaps the whole
/// lot out and copies from it without one. A read that has to wait is no method of its own: the stream keeps its buffer,
/// and who awaits it copies when taking the result.
/// <code>
/// idle --ReadAsync, nothing there--> waiting --Publish | EndReads | cancel | dispose--> woken --await--> idle
/// </code>
/// </content>
public sealed partial class CausewayStream
{
    // What a slow reader has not taken stays in the mux, which packs tiny frames together: the reader's own queue takes
    // no more once it has this many slices, each of which may hold a whole buffer for a single byte.
    private const int ArrivedLimit = 4;

    // Consumption is reported to the shard in steps, since a report costs a turn. Longer ones would save little.
    private const int MaxReportStep = 64 * 1024;

    // Written on the shard, with what arrives and with each report: before the reader can have used up the window that
    // the step was made for.
    private volatile int _reportStep;

    private SliceQueue _arrived = new();
    private SliceQueue _reading = new();
    private ManualResetValueTaskSourceCore<bool> _readable = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _readCancellation;
    private Memory<byte> _readBuffer;
    private Exception? _readError;
    private bool _readEnded;
    private bool _readWaiting;
    private bool _resumesReader;
    private bool _moreInMux;
    private int _readActive;
    private long _consumed;
    private long _reported;
    private bool _firstReport = true;

    /// <inheritdoc/>
    /// <exception cref="TransportException">The stream was reset or its connection ended.</exception>
    /// <exception cref="InvalidOperationException">Another read is under way.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        BeginRead();
        bool waits = false;
        try
        {
            int count;
            while (!TryCopy(buffer.Span, out count))
            {
                // The peer that this reader waits for may not know of the stream yet.
                SendOpening();
                ReportIfLow();
                waits = TryWait(buffer, cancellationToken);
                if (waits)
                {
                    return new ValueTask<int>(_work, _readable.Version);
                }
            }

            return new ValueTask<int>(count);
        }
        finally
        {
            if (!waits)
            {
                EndRead();
            }
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    private void BeginRead()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_mux.CanRead)
        {
            throw new InvalidOperationException("Only this end sends on the stream: it is unidirectional, and was opened here.");
        }

        int state = Interlocked.CompareExchange(ref _readActive, 1, 0);
        if (state != 0)
        {
            ObjectDisposedException.ThrowIf(state == 2, this);
            throw new InvalidOperationException("Another read of this stream is under way.");
        }
    }

    private void EndRead()
    {
        // A full fence: either this thread sees the disposal, or the disposer sees that nobody is inside.
        Interlocked.Exchange(ref _readActive, 0);
        if (_disposed)
        {
            DiscardReceived();
        }
    }

    /// <summary>Copies what is there; true if the read is complete, be it with 0 bytes for end of stream.</summary>
    private bool TryCopy(Span<byte> destination, out int count)
    {
        count = 0;
        if (_reading.IsEmpty && !SwapArrived(out bool ended))
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_readError is not null && ended)
            {
                throw CloneReadError();
            }

            if (ended)
            {
                _readsClosed.Complete(null);
            }

            return ended;
        }

        // A zero-byte read asks whether there is something to read: there is.
        while (count < destination.Length && !_reading.IsEmpty)
        {
            count += _reading.CopyTo(destination[count..]);
            if (_reading.IsEmpty)
            {
                SwapArrived(out _);
            }
        }

        _consumed += count;
        Decrypt(destination[..count]);
        long unreported = _consumed - Volatile.Read(ref _reported);
        if (unreported >= _reportStep || (_firstReport && count > 0))
        {
            _firstReport = false;
            Connection.Shard.Post(_work);
        }
        else
        {
            ReportIfLow();
        }

        return true;
    }

    /// <summary>
    /// The cipher is the application's: if it throws, its place in the stream is lost, and the connection fails as it
    /// does when the shard meets such a fault.
    /// </summary>
    private void Decrypt(Span<byte> bytes)
    {
        try
        {
            _cipher?.Decrypt(bytes, bytes);
        }
        catch (Exception error)
        {
            TransportException reason = TransportException.OfLayer(error);
            Connection.Fail(reason);
            throw reason;
        }
    }

    /// <summary>Takes over what the shard has published.</summary>
    private bool SwapArrived(out bool ended)
    {
        bool more;
        lock (_gate)
        {
            ended = _readEnded && !_moreInMux;
            if (_arrived.IsEmpty)
            {
                return false;
            }

            (_arrived, _reading) = (_reading, _arrived);
            more = _moreInMux;
        }

        if (more)
        {
            Connection.Shard.Post(_work);
        }

        return true;
    }

    /// <summary>Begins to wait, unless there is something to read by now.</summary>
    private bool TryWait(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_arrived.IsEmpty || (_readEnded && !_moreInMux) || _disposed)
            {
                return false;
            }

            _readBuffer = buffer;
            _readWaiting = true;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _readCancellation = cancellationToken.UnsafeRegister(
                static (state, token) => ((CausewayStream)state!).CancelRead(token), this);
        }

        return true;
    }

    private void CancelRead(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_readWaiting)
            {
                return;
            }

            _readWaiting = false;
        }

        _readable.RunContinuationsAsynchronously = true;
        _readable.SetException(new OperationCanceledException(token));
    }

    private void WakeReader()
    {
        lock (_gate)
        {
            if (!_readWaiting)
            {
                return;
            }

            _readWaiting = false;
        }

        _readable.RunContinuationsAsynchronously = true;
        _readable.SetResult(true);
    }

    /// <summary>Completes a wait that this turn took out of the reader's hands. On the shard.</summary>
    private void CompleteWait()
    {
        if (Connection.Shard.ResumesInline)
        {
            _resumesReader = true;
            ResumeAfterTurn();
        }
        else
        {
            _readable.RunContinuationsAsynchronously = true;
            _readable.SetResult(true);
        }
    }

    /// <summary>
    /// Leaves nothing unreported while the session's buffer is used up: this reader may turn to another stream whose
    /// bytes wait for the room that it made.
    /// </summary>
    private void ReportIfLow()
    {
        // Pairs with the barrier in CausewayConnection.Deliver: either this thread sees the flag, or the shard the
        // count.
        Interlocked.MemoryBarrier();
        if (_consumed != Volatile.Read(ref _reported) && Connection.IsReceiveBufferLow)
        {
            Connection.Shard.Post(_work);
        }
    }

    /// <summary>Tells the mux what the reader took. On the shard.</summary>
    internal void ReportConsumed()
    {
        long consumed = Volatile.Read(ref _consumed);
        if (consumed != _reported)
        {
            _mux.Consumed((int)(consumed - _reported));
            Volatile.Write(ref _reported, consumed);
            UpdateReportStep();
        }
    }

    private void UpdateReportStep() => _reportStep = Math.Min(_mux.ReportStep, MaxReportStep);

    /// <summary>Moves what the mux has for this stream to where the reader finds it. On the shard.</summary>
    private void Publish(bool all = false)
    {
        bool wake = false;
        int discarded = 0;
        UpdateReportStep();
        lock (_gate)
        {
            _moreInMux = !all && !_disposed && !_readWaiting && _arrived.Count >= ArrivedLimit;
            while (!_moreInMux && _mux.TryRead(out PacketSlice slice))
            {
                if (_disposed)
                {
                    discarded += slice.Length;
                    slice.Release();
                }
                else
                {
                    _arrived.Enqueue(slice);
                }
            }

            // A reader may have begun to wait while the mux was thought to have more, and there is only the end.
            if (_readWaiting && (!_arrived.IsEmpty || (_readEnded && !_moreInMux)))
            {
                _readWaiting = false;
                wake = true;
            }
        }

        if (discarded > 0)
        {
            _mux.Consumed(discarded);
        }

        if (wake)
        {
            CompleteWait();
        }
    }

    /// <summary>On the shard.</summary>
    private void EndReads(Exception? error)
    {
        bool wake;
        lock (_gate)
        {
            if (!_readEnded)
            {
                _readError = error;
                _readEnded = true;
                if (error is not null)
                {
                    _readsClosed.Complete(error);
                }
            }

            // While the mux is thought to have more, the work that the reader posted wakes it.
            wake = _readWaiting && !_moreInMux;
            _readWaiting = _readWaiting && !wake;
        }

        if (wake)
        {
            CompleteWait();
        }
    }

    private Exception CloneReadError() => _readError is TransportException e
        ? e.Clone()
        : _readError!;

    /// <summary>
    /// After disposal: gives back what nobody will read, unless a reader is inside, who does it on leaving.
    /// </summary>
    private void DiscardReceived()
    {
        if (Interlocked.CompareExchange(ref _readActive, 2, 0) == 0)
        {
            lock (_gate)
            {
                _consumed += _reading.ReleaseAll() + _arrived.ReleaseAll();
            }

            // State 2 stays: nobody reads a disposed stream again.
            Connection.Shard.Post(_work);
            return;
        }

        WakeReader();
    }

    /// <summary>The result of a read that waited, on the thread of who awaits it.</summary>
    private int TakeRead(short token)
    {
        // Neither another read's token nor a wait that goes on may touch anything.
        if (_readable.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The read has not completed; await it.");
        }

        // Waits for a callback that is running, so that it cannot hit the next read.
        _readCancellation.Dispose();
        _readCancellation = default;
        Memory<byte> buffer = _readBuffer;
        _readBuffer = default;
        try
        {
            _readable.GetResult(token);
            return TryCopy(buffer.Span, out int count) ? count : throw new UnreachableException("Nobody but the reader takes what arrived.");
        }
        finally
        {
            // At once, and not when the next read begins: the token is good for one result.
            _readable.Reset();
            EndRead();
        }
    }

    private ValueTaskSourceStatus ReadStatus(short token) => _readable.GetStatus(token);

    private void OnRead(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _readable.OnCompleted(continuation, state, token, flags);

    private sealed partial class StreamWork : IValueTaskSource<int>
    {
        int IValueTaskSource<int>.GetResult(short token) => stream.TakeRead(token);

        ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => stream.ReadStatus(token);

        void IValueTaskSource<int>.OnCompleted(
            Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            stream.OnRead(continuation, state, token, flags);
    }
}
