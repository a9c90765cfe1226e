using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Causeway.Protocol;

/// <summary>
/// One datagram in pooled, pinned memory: <c>headroom | payload | tailroom</c>. Each layer prepends or strips its header
/// in place, so that a payload is never copied to make room for one.
/// </summary>
/// <remarks>
/// <para>
/// A buffer is rented with one reference. Whoever keeps it, or a <see cref="PacketSlice"/> of it, beyond the call that
/// passed it in calls <see cref="Retain"/>; each reference is given back by <see cref="Release"/>, the last of which
/// returns the memory to its <see cref="PacketPool"/>. References may be given back on any thread; the payload bounds
/// have one owner and are not synchronised.
/// </para>
/// <para>
/// A <em>view</em> is a buffer without memory of its own: it covers a part of another one, on which it holds a reference.
/// A receive that returns many datagrams in one block (UDP_GRO) is split into views without a copy.
/// </para>
/// </remarks>
public sealed class PacketBuffer
{
    // Null while the buffer waits in its pool: a thread keeps waiting buffers, and through them it would keep a pool that everybody
    // else has left.
    private PacketPool? _pool;
    private byte[] _array;
    private PacketBuffer? _block;
    private int _origin;
    private int _capacity;
    private int _retained;
    private int _start;
    private int _length;
    private int _references;

    internal PacketBuffer(byte[] array)
    {
        _array = array;
        _capacity = array.Length;
        _retained = array.Length;
    }

    /// <summary>The way that the datagram came or is to go. A rented buffer has none.</summary>
    public DatagramPath Path { get; set; }

    /// <summary>
    /// Where the datagram came from or goes to: <see cref="DatagramPath.Remote"/> of its path. Setting it leaves the local
    /// address to the system.
    /// </summary>
    public PeerAddress Peer
    {
        get => Path.Remote;
        set => Path = new DatagramPath(value);
    }

    /// <summary>
    /// The ECN bits with which the datagram arrived, or is to leave where the link can set them. A rented buffer has none.
    /// </summary>
    public EcnCodepoint Ecn { get; set; }

    /// <summary>
    /// What packet protection knows the received datagram by and nobody without the key can change: a part of its nonce.
    /// 0 where there is none. A datagram that is sent twice has another each time; a recorded one has the same.
    /// </summary>
    public ulong Fingerprint { get; set; }

    /// <summary>The payload's length in bytes.</summary>
    public int Length => _length;

    /// <summary>Free bytes before the payload.</summary>
    public int Headroom => _start;

    /// <summary>Free bytes after the payload.</summary>
    public int Tailroom => _capacity - _start - _length;

    /// <summary>All bytes of the buffer: headroom, payload and tailroom.</summary>
    public int Capacity => _capacity;

    /// <summary>The payload.</summary>
    public Span<byte> Payload => MemoryMarshal.CreateSpan(
        ref MemoryMarshal.GetArrayDataReference(_array), _array.Length).Slice(_origin + _start, _length);

    /// <summary>The payload as memory, pinned for as long as a reference is held.</summary>
    public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_array, _origin + _start, _length);

    /// <summary>References that are out. For tests and diagnostics.</summary>
    public int ReferenceCount => Volatile.Read(ref _references);

    /// <summary>Grows the payload to the front by <paramref name="count"/> bytes and returns them, uninitialised.</summary>
    /// <exception cref="InvalidOperationException">The headroom is smaller than that.</exception>
    public Span<byte> Prepend(int count)
    {
        if ((uint)count > (uint)_start)
        {
            ThrowNoRoom("headroom", _start, count);
        }

        _start -= count;
        _length += count;
        return _array.AsSpan(_origin + _start, count);
    }

    /// <summary>Grows the payload at its end by <paramref name="count"/> bytes and returns them, uninitialised.</summary>
    /// <exception cref="InvalidOperationException">The tailroom is smaller than that.</exception>
    public Span<byte> Append(int count)
    {
        if ((uint)count > (uint)Tailroom)
        {
            ThrowNoRoom("tailroom", Tailroom, count);
        }

        Span<byte> added = _array.AsSpan(_origin + _start + _length, count);
        _length += count;
        return added;
    }

    /// <summary>Strips <paramref name="count"/> bytes from the front of the payload.</summary>
    public void Advance(int count)
    {
        if ((uint)count > (uint)_length)
        {
            ThrowNoRoom("payload", _length, count);
        }

        _start += count;
        _length -= count;
    }

    /// <summary>Cuts the payload to its first <paramref name="length"/> bytes.</summary>
    public void Truncate(int length)
    {
        if ((uint)length > (uint)_length)
        {
            ThrowNoRoom("payload", _length, length);
        }

        _length = length;
    }

    /// <summary>Makes the payload empty, with <paramref name="headroom"/> bytes before it.</summary>
    public void Reset(int headroom)
    {
        if ((uint)headroom > (uint)_capacity)
        {
            ThrowNoRoom("capacity", _capacity, headroom);
        }

        _start = headroom;
        _length = 0;
    }

    /// <summary>The whole payload as a slice that takes a new reference.</summary>
    public PacketSlice Slice() => Slice(0, _length);

    /// <summary>A part of the payload as a slice that takes a new reference.</summary>
    public PacketSlice Slice(int offset, int length)
    {
        if ((uint)offset > (uint)_length || (uint)length > (uint)(_length - offset))
        {
            ThrowNoRoom("payload", _length, offset + length);
        }

        Retain();
        return new PacketSlice(this, _origin + _start + offset, length);
    }

    /// <summary>Takes one more reference.</summary>
    public void Retain()
    {
        int now = Interlocked.Increment(ref _references);
        Debug.Assert(now > 1, "retained a packet buffer that was already returned");
    }

    /// <summary>Gives a reference back; the last one returns the buffer to its pool.</summary>
    public void Release()
    {
        // A sole owner needs no interlocked operation: nobody else can change the count.
        int left = Volatile.Read(ref _references) == 1 ? _references = 0 : Interlocked.Decrement(ref _references);
        if (left > 0)
        {
            return;
        }

        if (left < 0)
        {
            ThrowDoubleReturn();
        }

        PacketPool pool = Pool;
        PacketBuffer? block = _block;
        _pool = null;
        if (block is not null)
        {
            _block = null;
            _array = [];
            _capacity = 0;
            pool.ReturnView(this);
            block.Release();
        }
        else
        {
            pool.Return(this);
        }
    }

    /// <summary>Where the buffer returns to. Only of one that is out.</summary>
    internal PacketPool Pool => _pool!;

    /// <summary>
    /// Whether the only reference is the caller's, who may then <see cref="Reuse"/> the buffer rather than return it. A tracking
    /// pool wants to see each use.
    /// </summary>
    internal bool IsReusable => _block is null && Volatile.Read(ref _references) == 1 && !Pool.IsTracking;

    internal byte[] Array => _array;

    internal int RetainedBytes => _retained;

    internal void Rented(PacketPool pool, int headroom)
    {
        Debug.Assert(_references == 0, "a pool handed out a buffer that is in use");
        _pool = pool;
        _references = 1;
        Reuse(headroom);
    }

    /// <summary>Makes it as if it had just been rented.</summary>
    internal void Reuse(int headroom)
    {
        _start = headroom;
        _length = 0;
        Path = default;
        Ecn = default;
        Fingerprint = 0;
    }

    internal void AttachView(PacketPool pool, PacketBuffer block, int offset, int length, bool isBounded)
    {
        block.Retain();
        _pool = pool;
        _block = block;
        _array = block._array;
        _origin = block._origin + block._start + offset;
        _capacity = length;
        _retained = isBounded ? length : _array.Length;
        _references = 1;
        _start = 0;
        _length = length;
        Path = block.Path;
        Ecn = block.Ecn;
        Fingerprint = 0;
    }

    private static void ThrowNoRoom(string what, int available, int wanted) =>
        throw new InvalidOperationException($"The {what} of the packet buffer is {available} bytes; {wanted} were asked for.");

    private static void ThrowDoubleReturn() =>
        throw new InvalidOperationException("A packet buffer was released more often than it was retained.");
}
