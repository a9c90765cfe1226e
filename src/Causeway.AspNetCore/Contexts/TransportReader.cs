using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// A stream's own <see cref="CausewayStream.Input"/>, with the exceptions that Kestrel knows: a peer that gave up is a
/// <see cref="Microsoft.AspNetCore.Connections.ConnectionResetException"/>, this side's abort a
/// <see cref="Microsoft.AspNetCore.Connections.ConnectionAbortedException"/>.
/// </summary>
internal sealed class TransportReader(StreamContext context, PipeReader inner) : PipeReader
{
    /// <summary>Whether the reader was completed without an error.</summary>
    public bool IsCompletedInOrder { get; private set; }

    public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
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
