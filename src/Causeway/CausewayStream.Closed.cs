using Causeway.Runtime;

namespace Causeway;

/// <content>When each direction has ended, for those who neither read nor write at that time.</content>
public sealed partial class CausewayStream
{
    // Mutable structs: not readonly.
    private ClosedSignal _readsClosed;
    private ClosedSignal _writesClosed;

    /// <summary>
    /// Completes when there is nothing more to read: the end of stream was read, or the stream disposed. Fails with a
    /// <see cref="TransportException"/> if the peer gave the stream up, the connection ended, or <see cref="Abort()"/> was called.
    /// </summary>
    public Task ReadsClosed => _readsClosed.Task;

    /// <summary>
    /// Completes when this direction has ended in order and all that was written has its place in the send window. Fails with a
    /// <see cref="TransportException"/> as soon as the peer takes no more (<see cref="TransportError.StreamClosedByPeer"/>), gave
    /// the stream up, or the connection ended, and if <see cref="Abort()"/> was called.
    /// </summary>
    /// <remarks>What the peer has acknowledged beyond the window only <see cref="CausewayConnection.CloseAsync(CancellationToken)"/> tells.</remarks>
    public Task WritesClosed => _writesClosed.Task;

    private void CloseSignalsOnDispose()
    {
        TransportException? reason = _abort ? new(TransportError.StreamReset, "The stream was given up on this side.") : null;
        _readsClosed.Complete(reason);

        // In order it ends when the shard has closed it, which may still find that the peer has gone.
        if (reason is not null)
        {
            _writesClosed.Complete(reason);
        }
    }

    /// <summary>On the shard, whenever the end was asked for or a write completed.</summary>
    private void CloseWritesIfFinished()
    {
        if (!IsWritePending && (_finishRequested || _disposed))
        {
            _writesClosed.Complete(Volatile.Read(ref _writeError));
        }
    }
}
