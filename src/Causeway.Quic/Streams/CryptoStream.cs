using Causeway.Protocol.Streams;

namespace Causeway.Quic.Streams;

/// <summary>
/// The handshake bytes of one encryption level, both ways (RFC 9000, 7.5; RFC 9001, 4.1.3): a stream without flow control, so
/// that what waits is bounded here.
/// </summary>
internal sealed class CryptoStream
{
    /// <summary>Bytes that may wait for what is missing before them: the longest flight there is (RFC 9000, 7.5).</summary>
    public const int MostBuffered = 128 << 10;

    private SendBuffer _outgoing;
    private ReassemblyBuffer _incoming;

    /// <summary>Whether there are bytes to send, again or for the first time.</summary>
    public bool HasOutput => _outgoing.HasLost || _outgoing.HasUnsent;

    /// <summary>Whether everything that was sent is acknowledged.</summary>
    public bool IsAcknowledged => _outgoing.IsAcknowledged;

    /// <summary>Bytes that were passed on to the handshake.</summary>
    public long Delivered => _incoming.ReadOffset;

    /// <summary>Bytes to send, from the handshake.</summary>
    public void Write(ReadOnlySpan<byte> bytes, PacketPool pool) => _outgoing.Append(bytes, pool);

    /// <summary>What goes into the next CRYPTO frame.</summary>
    public void Next(int most, out long offset, out int length) => _outgoing.Next(most, out offset, out length);

    /// <summary>Copies bytes into a frame that is about to leave.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        _outgoing.Read(offset, destination);
        _outgoing.OnSent(offset, destination.Length);
    }

    /// <summary>A frame arrived at the peer.</summary>
    public void OnAcknowledged(long offset, int length) => _outgoing.OnAcknowledged(offset, length);

    /// <summary>A frame is lost.</summary>
    public void OnLost(long offset, int length) => _outgoing.OnLost(offset, length);

    /// <summary>Everything goes again, from the beginning: the server answered with a Retry.</summary>
    public void OnAllLost() => _outgoing.OnAllLost();

    /// <summary>Takes a CRYPTO frame in.</summary>
    /// <returns>False if more would wait than may (CRYPTO_BUFFER_EXCEEDED).</returns>
    public bool TryAdd(SliceSlab slices, PacketPool pool, PacketBuffer packet, int position, long offset, int length) =>
        offset + length - _incoming.ReadOffset <= MostBuffered
        && _incoming.TryAdd(slices, pool, packet, position, offset, length);

    /// <summary>The next bytes for the handshake, in order.</summary>
    public bool TryRead(SliceSlab slices, out PacketSlice slice) => _incoming.TryRead(slices, out slice);

    /// <summary>The level is over, or the connection.</summary>
    public void Clear(SliceSlab slices)
    {
        _outgoing.Clear();
        _incoming.Discard(slices, 0);
    }
}
