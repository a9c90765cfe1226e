namespace Causeway.Quic.Tests.Handshake;

/// <summary>
/// The other end's view of a <see cref="TlsRecordPeer"/>: what it writes is fed at once, and what the peer answers is
/// there to read.
/// </summary>
internal sealed class TlsRecordStream : Stream
{
    private readonly TlsRecordPeer _peer;
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Queue<byte> _ready = new();
    private bool _isEnded;

    public TlsRecordStream(TlsRecordPeer peer)
    {
        _peer = peer;
        Collect();
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Hands over what the peer wrote by itself.</summary>
    public void Collect()
    {
        lock (_ready)
        {
            foreach (byte value in _peer.TakeOutput())
            {
                _ready.Enqueue(value);
            }
        }

        _arrived.Release();
    }

    /// <summary>Lets reads answer that the stream ended.</summary>
    public void End()
    {
        _isEnded = true;
        _arrived.Release();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        while (true)
        {
            lock (_ready)
            {
                int count = 0;
                while (count < buffer.Length && _ready.TryDequeue(out byte value))
                {
                    buffer.Span[count++] = value;
                }

                if (count > 0 || _isEnded)
                {
                    return count;
                }
            }

            await _arrived.WaitAsync(cancellationToken);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_ready)
        {
            _peer.Feed(buffer);
        }

        Collect();
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
