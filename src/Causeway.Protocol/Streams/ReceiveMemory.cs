namespace Causeway.Protocol.Streams;

/// <summary>
/// What a session's streams hold of received data, in two measures: payload bytes against the token bucket of
/// docs/wire/kcptun.md 7.4, and the memory that these bytes keep from being reused, which can be many times as much.
/// </summary>
/// <remarks>
/// <para>
/// A slice of 10 bytes keeps a whole packet buffer, or a block of 64 KiB that a batched receive filled. So a payload
/// is passed on in place only if that is worth it, else copied into compact buffers (<see cref="ShouldShare"/>), and
/// when <see cref="MaxPinFactor"/> times the bucket's size is held the session stops reading, as if it were empty.
/// </para>
/// <para>
/// A stream's share is returned in proportion to the bytes its application takes, which is exact when it took all.
/// </para>
/// </remarks>
internal sealed class ReceiveMemory
{
    /// <summary>
    /// Payloads below this are always copied: that costs less than two interlocked operations on the buffer's count
    /// and an entry in the queue, and it joins tiny frames to one slice.
    /// </summary>
    public const int CopyBelow = 256;

    /// <summary>A payload that is at least one part in this many of the memory that it keeps is never copied.</summary>
    public const int MaxPinFactor = 2;

    // A session of a small bucket must still be able to hold a few packet buffers.
    private const long LeastMemory = 1 << 20;

    private long _size;
    private long _limit;
    private long _sparseLimit;
    private long _tokens;
    private long _held;

    public ReceiveMemory(long size, PacketPool pool)
    {
        Pool = pool;
        Resize(size);
    }

    /// <summary>Where compact buffers come from.</summary>
    public PacketPool Pool { get; }

    /// <summary>The queues of all streams.</summary>
    public SliceSlab Slices { get; } = new();

    /// <summary>Payload bytes that the bucket still takes; negative when it is overdrawn.</summary>
    public long Tokens => _tokens;

    /// <summary>Payload bytes that are stored.</summary>
    public long Taken => _size - _tokens;

    /// <summary>Memory that the streams keep, in bytes.</summary>
    public long Held => _held;

    /// <summary>Whether the session may read on.</summary>
    public bool HasRoom => _tokens > 0 && _held < _limit;

    /// <summary>
    /// Whether to pass a payload on in place. A sparse one is, too, while little is held: then its buffer is about to
    /// be read and reused, and a copy would be for nothing.
    /// </summary>
    public bool ShouldShare(int length, int retainedBytes) => length >= CopyBelow
        && ((long)length * MaxPinFactor >= retainedBytes || _held + retainedBytes <= _sparseLimit);

    /// <summary>Changes how many payload bytes the bucket takes in all; a smaller one may be overdrawn for a while.</summary>
    public void Resize(long size)
    {
        _tokens += size - _size;
        _size = size;
        _limit = Math.Max(MaxPinFactor * size, LeastMemory);
        _sparseLimit = _limit / MaxPinFactor;
    }

    /// <summary>Payload bytes were stored.</summary>
    public void Take(int bytes) => _tokens -= bytes;

    /// <summary>Memory is kept for them.</summary>
    public void Hold(int memory) => _held += memory;

    /// <summary>Payload bytes are gone and with them the memory that they kept.</summary>
    public void Return(long bytes, long memory)
    {
        _tokens += bytes;
        _held -= memory;
    }
}
