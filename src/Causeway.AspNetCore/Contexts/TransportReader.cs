using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// A stream's own <see cref="CausewayStream.Input"/>, with the exceptions that Kestrel knows: a peer that gave up is a
/// <see cref="ConnectionResetException"/>, this side's abort a
/// <see cref="ConnectionAbortedException"/>.
/// </summary>
internal sealed class TransportReader(StreamContext context, PipeReader inner) : PipeReader
{
    /// <summary>Whether the reader was completed without an error.</summary>
    public bool IsCompletedInOrder { get; private set; }

    public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override bool TryRead(out ReadResult result)
    {
        if (context.ReadsGivenUp is { } reason)
        {
            throw Failure(reason);
        }

        return inner.TryRead(out result);
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (context.ReadsGivenUp is { } reason)
        {
            return ValueTask.FromException<ReadResult>(Failure(reason));
        }

        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? read : WaitAsync(read);
    }

    public override void Complete(Exception? exception = null)
    {
        IsCompletedInOrder = exception is null;
        inner.Complete(exception);
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        IsCompletedInOrder = exception is null;
        return inner.CompleteAsync(exception);
    }

    // One for each read: an exception that was thrown before keeps the first one's stack trace.
    private static ConnectionAbortedException Failure(ConnectionAbortedException reason) => new(reason.Message, reason);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
    {
        try
        {
            return await read.ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException)
        {
            throw context.ToReadFailure(error);
        }
    }
}
