using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Causeway.Protocol;

namespace Causeway.Links;

/// <summary>A bounded queue of datagrams between any number of writers and one reader that may wait.</summary>
internal sealed class DatagramQueue
{
    private readonly Lock _lock = new();
    private readonly Queue<PacketBuffer> _queue = new();
    private readonly AsyncSignal _signal = new();
    private readonly int _capacity;
    private Exception? _closeReason;

    public DatagramQueue(int capacity) => _capacity = capacity;

    /// <summary>Appends a datagram and takes its reference over, unless the queue is full or closed.</summary>
    public bool TryEnqueue(PacketBuffer datagram)
    {
        lock (_lock)
        {
            if (_closeReason is not null || _queue.Count >= _capacity)
            {
                return false;
            }

            _queue.Enqueue(datagram);
            if (_queue.Count > 1)
            {
                return true;
            }
        }

        // Only the first datagram wakes the reader: it empties the queue before it waits again.
        _signal.Set();
        return true;
    }

    /// <summary>Takes datagrams, waiting for the first.</summary>
    /// <exception cref="ObjectDisposedException">
    /// The queue is closed (or the exception that it was closed with).
    /// </exception>
    public ValueTask<int> DequeueAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<int>(cancellationToken);
        }

        int count = TryDequeue(buffers.Span);
        return count > 0 ? new ValueTask<int>(count) : WaitAsync(buffers, cancellationToken);
    }

    /// <summary>Releases what is queued and refuses everything from now on. The first reason is kept.</summary>
    public void Close(Exception reason)
    {
        lock (_lock)
        {
            _closeReason ??= reason;
            while (_queue.TryDequeue(out PacketBuffer? datagram))
            {
                datagram.Release();
            }
        }

        _signal.Set();
    }

    private int TryDequeue(Span<PacketBuffer> buffers)
    {
        lock (_lock)
        {
            if (_closeReason is not null)
            {
                ExceptionDispatchInfo.Throw(_closeReason);
            }

            int count = 0;
            while (count < buffers.Length && _queue.TryDequeue(out PacketBuffer? datagram))
            {
                buffers[count++] = datagram;
            }

            return count;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> WaitAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _signal.WaitAsync(cancellationToken).ConfigureAwait(false);
            int count = TryDequeue(buffers.Span);
            if (count > 0)
            {
                return count;
            }
        }
    }
}
