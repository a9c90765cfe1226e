using Causeway.Http3.Transport;

namespace Causeway.Http3.Tests;

/// <summary>One direction of a stream in memory: a bounded queue of bytes with an end, a reset and a stop.</summary>
internal sealed class MemoryChannel
{
    private readonly Lock _gate = new();
    private readonly Queue<ReadOnlyMemory<byte>> _chunks = new();
    private TaskCompletionSource _changed = NewSignal();
    private int _queued;
    private bool _isCompleted;
    private Func<Exception>? _readFailure;
    private Func<Exception>? _writeFailure;

    public MemoryChannel(MemoryTransport transport) => transport.Register(this);

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_readFailure is not null)
                {
                    throw _readFailure();
                }

                if (buffer.IsEmpty || _chunks.Count > 0)
                {
                    return Take(buffer.Span);
                }

                if (_isCompleted)
                {
                    return 0;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_writeFailure is not null)
                {
                    throw _writeFailure();
                }

                Assert.False(_isCompleted, "a stream was written to after its end");
                int room = Math.Min(MemoryTransport.Window - _queued, buffer.Length);
                if (room > 0)
                {
                    _chunks.Enqueue(buffer[..room].ToArray());
                    _queued += room;
                    buffer = buffer[room..];
                    Signal();
                }

                if (buffer.IsEmpty)
                {
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            _isCompleted = true;
            Signal();
        }
    }

    /// <summary>RESET_STREAM.</summary>
    public void Reset(Http3ErrorCode code)
    {
        lock (_gate)
        {
            if (!_isCompleted)
            {
                _readFailure ??= () => NewReset(code, byPeer: true);
                _writeFailure ??= () => NewReset(code, byPeer: false);
                Signal();
            }
        }
    }

    /// <summary>STOP_SENDING.</summary>
    public void Stop(Http3ErrorCode code)
    {
        lock (_gate)
        {
            if (!_isCompleted || _chunks.Count > 0)
            {
                _readFailure ??= () => NewReset(code, byPeer: false);
                _writeFailure ??= () => NewReset(code, byPeer: true);
                Signal();
            }
        }
    }

    public void CloseWith(Func<Exception> failure)
    {
        lock (_gate)
        {
            _writeFailure ??= failure;
            if (!_isCompleted)
            {
                _readFailure ??= failure;
            }

            Signal();
        }
    }

    private int Take(Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return 0;
        }

        ReadOnlyMemory<byte> chunk = _chunks.Dequeue();
        int count = Math.Min(chunk.Length, destination.Length);
        chunk.Span[..count].CopyTo(destination);
        if (count < chunk.Length)
        {
            // The rest stays first in the queue.
            ReadOnlyMemory<byte>[] others = [.. _chunks];
            _chunks.Clear();
            _chunks.Enqueue(chunk[count..]);
            Array.ForEach(others, _chunks.Enqueue);
        }

        _queued -= count;
        Signal();
        return count;
    }

    private void Signal()
    {
        TaskCompletionSource changed = _changed;
        _changed = NewSignal();
        changed.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static Http3Exception NewReset(Http3ErrorCode code, bool byPeer) =>
        new(code, $"The stream was given up with {code}.") { IsByPeer = byPeer };
}

/// <summary>One end of a stream in memory.</summary>
internal sealed class MemoryStreamEnd(long id, MemoryChannel? input, MemoryChannel? output) : Http3Stream
{
    public override long Id => id;

    public override bool IsBidirectional => (id & 2) == 0;

    public override bool CanRead => input is not null;

    public override bool CanWrite => output is not null;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        input!.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        output!.WriteAsync(buffer, cancellationToken);

    public override void CompleteWrites() => output?.Complete();

    public override void Abort(StreamDirections directions, Http3ErrorCode code)
    {
        if ((directions & StreamDirections.Read) != 0)
        {
            input?.Stop(code);
        }

        if ((directions & StreamDirections.Write) != 0)
        {
            output?.Reset(code);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            input?.Stop(Http3ErrorCode.NoError);
            output?.Complete();
        }

        base.Dispose(disposing);
    }
}
