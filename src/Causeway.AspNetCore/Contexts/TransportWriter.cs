using System.IO.Pipelines;

namespace Causeway.AspNetCore.Contexts;

/// <summary>
/// A stream's own <see cref="CausewayStream.Output"/>. Flushing it throws nothing when the peer is gone; here completing throws
/// nothing either, and never blocks.
/// </summary>
internal sealed class TransportWriter(StreamContext context, PipeWriter inner) : PipeWriter
{
    private Task? _completion;

    /// <summary>Whether the writer was completed without an error.</summary>
    public bool IsCompletedInOrder { get; private set; }

    /// <summary>Ends when what was written before completion is with the transport, or nobody takes it.</summary>
    public Task Completion => _completion ?? Task.CompletedTask;

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        inner.WriteAsync(source, cancellationToken);

    // Completing the stream's own writer may have to send first, and would wait for that.
    public override void Complete(Exception? exception = null) => _completion ??= CompleteCoreAsync(exception);

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        return new ValueTask(_completion!);
    }

    private async Task CompleteCoreAsync(Exception? exception)
    {
        IsCompletedInOrder = exception is null;
        if (exception is not null)
        {
            context.GiveUpWrites();
        }

        try
        {
            await inner.CompleteAsync(exception).ConfigureAwait(false);
        }
        catch (Exception error) when (error is TransportException or ObjectDisposedException)
        {
            // The peer takes no more, or the stream was given up: who needs the reason has it from WritesClosed.
            IsCompletedInOrder = false;
        }
    }
}
