using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic;

/// <content>The application's datagrams (RFC 9221).</content>
internal sealed partial class QuicSession
{
    /// <summary>
    /// Bytes of the largest datagram that can be sent now: what the peer takes and the path carries. 0 if the peer takes none.
    /// </summary>
    public int MaxDatagramLength
    {
        get
        {
            int packet = _mtu.Size - PacketHeaderWriter.ShortLength(_remoteIds.Current.Length, PacketNumber.MaxLength) - PacketAead.TagLength;
            packet -= UsesFec ? FecLimits.RepairOverhead : 0;
            int frame = Math.Min(packet, _datagrams.PeerLimit);
            return Math.Max(0, frame - 1 - VarInt.Length(Math.Max(0, frame)));
        }
    }

    /// <summary>Datagrams that could not arrive in time any more: they were dropped, or were lost and did not go again.</summary>
    public long DatagramsLate => _datagrams.Late + (_fecSender?.Late ?? 0);

    /// <summary>Packets with datagrams that were lost and went again.</summary>
    public long DatagramsRepeated => _datagrams.Repeated + (_fecSender?.Repeated ?? 0);

    /// <summary>Datagrams that were dropped because too many waited to leave, or that have become too long.</summary>
    public long DatagramsOverflowed => _datagrams.Overflowed;

    /// <summary>
    /// Sends a datagram unless it is late. One with a deadline goes again if it is lost and can still arrive in time.
    /// </summary>
    /// <param name="bytes">At most <see cref="MaxDatagramLength"/> bytes.</param>
    /// <param name="deadline">When it is worthless; Never if it always matters.</param>
    /// <returns>False if it is too long at present.</returns>
    public bool TrySendDatagram(ReadOnlySpan<byte> bytes, Timestamp deadline)
    {
        if (bytes.Length > MaxDatagramLength || IsClosing || _failure is not null)
        {
            return false;
        }

        PacketBuffer datagram = _pool.Rent(headroom: 0);
        bytes.CopyTo(datagram.Append(bytes.Length));
        _datagrams.Send(datagram, deadline);
        return true;
    }

    /// <summary>The next datagram that arrived. The caller owns the slice.</summary>
    public bool TryReceiveDatagram(out PacketSlice bytes) => _datagrams.TryRead(out bytes);

    // Half of the shortest round trip: nobody knows more about one way.
    private long OneWay => _recovery.Rtt.HasSample ? _recovery.Rtt.Shortest / 2 : 0;

    private QuicError? OnDatagram(PacketBuffer packet, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= _settings.MaxDatagramFrame)
        {
            return new QuicError(TransportErrorCode.ProtocolViolation, "The peer sent a datagram that is longer than this end takes.");
        }

        Statistics.DatagramsReceived++;
        _datagrams.Receive(packet.Slice(PositionOf(packet, bytes), bytes.Length));
        return null;
    }
}
