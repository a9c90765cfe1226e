using System.Collections.Concurrent;
using System.Diagnostics;

namespace Causeway.Protocol;

/// <summary>
/// A pool of pinned <see cref="PacketBuffer"/>s of one size. Renting and returning take no lock and allocate nothing in
/// steady state. Safe to use from any thread.
/// </summary>
public sealed class PacketPool
{
    /// <summary>Headroom of a rented buffer unless told: enough for every header of the layers here, cache-line aligned.</summary>
    public const int DefaultHeadroom = 64;

    /// <summary>Size of the buffers of <see cref="Shared"/>: a datagram of 1500 bytes with room on both sides.</summary>
    public const int DefaultBufferSize = 2048;

    /// <summary>Idle memory that a pool keeps unless told, in bytes.</summary>
    public const int DefaultMaxIdleBytes = 64 << 20;

    // A thread keeps 64 datagrams, or two blocks, to itself.
    private const int MagazineBytes = 64 * DefaultBufferSize;
    private const int MaxMagazine = 64;
    private const int MinMagazine = 2;

    // A buffer without memory of its own, about.
    private const int ViewBytes = 128;

    private readonly MagazineCache _buffers;
    private readonly MagazineCache _views;
    private readonly ConcurrentDictionary<PacketBuffer, StackTrace?>? _outstanding;
    private readonly bool _stackTraces;

    /// <summary>Makes a pool.</summary>
    /// <param name="bufferSize">Bytes of each buffer, headroom and tailroom included; 64 to 131072.</param>
    /// <param name="track">
    /// Remember every buffer that is out with the place that rented it, so that a leak or a double return can be reported:
    /// for tests; it costs a dictionary entry for each rent.
    /// </param>
    /// <param name="stackTraces">
    /// Whether tracking remembers the place too, which costs a stack trace for each rent: tens of microseconds. A simulation of
    /// many datagrams goes without, and is repeated with it when it reports a leak.
    /// </param>
    /// <param name="maxIdleBytes">
    /// Memory that the pool keeps for later, beyond a little for each thread: a burst leaves this much behind at most, not
    /// what it peaked at. At least 0.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="bufferSize"/> or <paramref name="maxIdleBytes"/> is out of range.
    /// </exception>
    public PacketPool(
        int bufferSize = DefaultBufferSize, bool track = false, bool stackTraces = true, int maxIdleBytes = DefaultMaxIdleBytes)
        : this(bufferSize, maxIdleBytes, isLasting: false)
    {
        _outstanding = track ? new ConcurrentDictionary<PacketBuffer, StackTrace?>() : null;
        _stackTraces = stackTraces;
    }

    private PacketPool(int bufferSize, int maxIdleBytes, bool isLasting)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferSize, 64);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bufferSize, 131072);
        ArgumentOutOfRangeException.ThrowIfNegative(maxIdleBytes);
        BufferSize = bufferSize;
        int magazine = Math.Clamp(MagazineBytes / bufferSize, MinMagazine, MaxMagazine);
        _buffers = new MagazineCache(magazine, maxIdleBytes / bufferSize, isLasting ? 0 : -1);
        _views = new MagazineCache(MaxMagazine, maxIdle: 16384, isLasting ? 1 : -1);
    }

    /// <summary>The pool of datagram buffers that a process shares.</summary>
    public static PacketPool Shared { get; } = new(DefaultBufferSize, DefaultMaxIdleBytes, isLasting: true);

    /// <summary>Bytes of each buffer.</summary>
    public int BufferSize { get; }

    /// <summary>Buffers and views that are out. Only a tracking pool knows; others answer 0.</summary>
    public int Outstanding => _outstanding?.Count ?? 0;

    /// <summary>Rents an empty buffer with the given headroom and one reference.</summary>
    public PacketBuffer Rent(int headroom = DefaultHeadroom)
    {
        PacketBuffer buffer = _buffers.TryTake()
            ?? new PacketBuffer(GC.AllocateUninitializedArray<byte>(BufferSize, pinned: true));
        buffer.Rented(this, headroom);
        Track(buffer);
        return buffer;
    }

    /// <summary>Fills <paramref name="buffers"/> with rented buffers that have the default headroom.</summary>
    public void Rent(Span<PacketBuffer> buffers)
    {
        foreach (ref PacketBuffer buffer in buffers)
        {
            buffer = Rent();
        }
    }

    /// <summary>
    /// A buffer that covers a part of the payload of <paramref name="block"/> and holds a reference on it until it is
    /// released itself. It has no headroom and no tailroom.
    /// </summary>
    /// <param name="block">The buffer of which the view covers a part.</param>
    /// <param name="offset">Where the view begins in the block's payload.</param>
    /// <param name="length">The view's length in bytes.</param>
    /// <param name="isBounded">
    /// The caller sees to it that views keep only so many blocks, whoever holds on to them: then a slice of the view counts as
    /// <see cref="PacketSlice.RetainedBytes"/> no more than the view, else the whole block.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The part lies outside the payload.</exception>
    public PacketBuffer RentView(PacketBuffer block, int offset, int length, bool isBounded = false)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)offset, (uint)block.Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(block.Length - offset), nameof(length));
        PacketBuffer view = _views.TryTake() ?? new PacketBuffer([]);
        view.AttachView(this, block, offset, length, isBounded);
        Track(view);
        return view;
    }

    /// <summary>
    /// Leaves idle buffers that nobody needed since the last call to the garbage collector. To be called now and then by
    /// whoever has a clock; what each thread keeps to itself stays.
    /// </summary>
    /// <returns>Bytes of memory that were given up.</returns>
    public long Trim() => ((long)_buffers.Trim() * BufferSize) + ((long)_views.Trim() * ViewBytes);

    /// <summary>Fails if a buffer is still out.</summary>
    /// <exception cref="InvalidOperationException">The pool tracks and buffers are out; the message says who rented them.</exception>
    public void ThrowIfOutstanding()
    {
        if (_outstanding is { IsEmpty: false })
        {
            IEnumerable<string> places = _outstanding.Values.GroupBy(static place => place?.ToString() ?? "(tracked without stack traces)")
                .OrderByDescending(static group => group.Count()).Take(3)
                .Select(static group => $"{group.Count()} times{Environment.NewLine}{group.Key}");
            throw new InvalidOperationException(
                $"{_outstanding.Count} packet buffers were not returned. Rented at: {string.Join(Environment.NewLine, places)}");
        }
    }

    internal bool IsTracking => _outstanding is not null;

    internal void Return(PacketBuffer buffer)
    {
        Untrack(buffer);
        _buffers.Put(buffer);
    }

    internal void ReturnView(PacketBuffer view)
    {
        Untrack(view);
        _views.Put(view);
    }

    // Without file and line, which cost a look into the symbol files: milliseconds for each rent.
    private void Track(PacketBuffer buffer) =>
        _outstanding?.TryAdd(buffer, _stackTraces ? new StackTrace(skipFrames: 1, fNeedFileInfo: false) : null);

    private void Untrack(PacketBuffer buffer)
    {
        if (_outstanding is not null && !_outstanding.TryRemove(buffer, out _))
        {
            throw new InvalidOperationException("A packet buffer was returned to its pool twice.");
        }
    }
}
