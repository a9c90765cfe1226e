using System.Diagnostics.CodeAnalysis;

namespace Causeway.Http3.Transport;

/// <summary>A <see cref="Stream"/> that cannot seek and works asynchronously; a derived one overrides what it can do.</summary>
internal abstract class ForwardStream : Stream
{
    public override bool CanRead => false;

    public override bool CanWrite => false;

    public override bool CanSeek => false;

    public override long Length => throw NewNoSeekException();

    public override long Position
    {
        get => throw NewNoSeekException();
        set => throw NewNoSeekException();
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw NewNoSeekException();

    public override void SetLength(long value) => throw NewNoSeekException();

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("This stream cannot be read.");

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("This stream cannot be written to.");

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    // HttpContent and HttpClient have synchronous members that come here. They can only wait, on a thread of the pool.
    [SuppressMessage("Usage", "VSTHRD002", Justification = "Stream's synchronous members can only wait.")]
    public override int Read(byte[] buffer, int offset, int count) =>
        Task.Run(() => ReadAsync(buffer.AsMemory(offset, count)).AsTask()).GetAwaiter().GetResult();

    [SuppressMessage("Usage", "VSTHRD002", Justification = "Stream's synchronous members can only wait.")]
    public override void Write(byte[] buffer, int offset, int count) =>
        Task.Run(() => WriteAsync(buffer.AsMemory(offset, count)).AsTask()).GetAwaiter().GetResult();

    private static NotSupportedException NewNoSeekException() => new("A network stream cannot seek and has no length.");
}
