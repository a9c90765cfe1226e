namespace Causeway.Kcp.Arq;

/// <summary>
/// Decides how a received payload is kept: as a slice of the datagram that carried it, or, where that would hold far
/// more memory than payload, as a copy in a buffer that small payloads share.
/// </summary>
/// <remarks>
/// One byte can pin a whole receive block of 64 KiB. Slices are taken as they are while all that is kept stays within
/// <c>budget</c>; beyond it only those that use a quarter of their memory or more. So a window of payload keeps at most
/// the budget, plus four times its own bytes, plus one pool buffer for each segment, whatever the peer sends.
/// </remarks>
internal sealed class PayloadKeeper(PacketPool pool, long budget)
{
    private const int LeastUse = 4;

    private PacketBuffer? _shared;

    /// <summary>Bytes that the slices handed out and not yet given back keep from reuse.</summary>
    public long RetainedBytes { get; private set; }

    public PacketSlice Keep(PacketBuffer datagram, int offset, int length)
    {
        if (length == 0)
        {
            return default;
        }

        PacketSlice slice = datagram.Slice(offset, length);
        int retained = slice.RetainedBytes;
        if (RetainedBytes + retained > budget && length < retained / LeastUse && length <= pool.BufferSize)
        {
            PacketSlice copy = Copy(slice.Span);
            slice.Release();
            slice = copy;
        }

        RetainedBytes += slice.RetainedBytes;
        return slice;
    }

    /// <summary>A kept slice leaves: its new owner accounts for it.</summary>
    public void Forget(in PacketSlice slice) => RetainedBytes -= slice.RetainedBytes;

    public void Dispose()
    {
        _shared?.Release();
        _shared = null;
    }

    private PacketSlice Copy(ReadOnlySpan<byte> payload)
    {
        if (_shared is null || _shared.Tailroom < payload.Length)
        {
            _shared?.Release();
            _shared = pool.Rent(headroom: 0);
        }

        int start = _shared.Length;
        payload.CopyTo(_shared.Append(payload.Length));
        return _shared.Slice(start, payload.Length);
    }
}
