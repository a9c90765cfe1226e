namespace Causeway.Quic.Wire;

/// <summary>
/// Splits a datagram into the packets that were coalesced in it (RFC 9000, 12.2). Pass it by reference.
/// </summary>
internal ref struct DatagramReader
{
    private readonly int _ownIdLength;
    private readonly bool _acceptsGreasedBit;
    private Span<byte> _rest;
    private ReadOnlySpan<byte> _firstDestinationId;
    private bool _isFirstRead;

    /// <param name="datagram">The datagram. Packets are opened where they are.</param>
    /// <param name="ownIdLength">Bytes of the connection ids that the receiver issues.</param>
    /// <param name="acceptsGreasedBit">Whether the receiver said that the fixed bit may be clear (RFC 9287).</param>
    public DatagramReader(Span<byte> datagram, int ownIdLength, bool acceptsGreasedBit)
    {
        _rest = datagram;
        _ownIdLength = ownIdLength;
        _acceptsGreasedBit = acceptsGreasedBit;
    }

    /// <summary>Bytes that do not parse, or belong to somebody else: they are dropped.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>The next packet.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="packet">All of it, header included.</param>
    /// <returns>
    /// Whether there is one. A packet that does not parse ends the datagram, and so does one with a destination
    /// connection id other than the first one's (RFC 9000, 12.2).
    /// </returns>
    public bool TryRead(out PacketHeader header, out Span<byte> packet)
    {
        header = default;
        packet = default;
        if (_rest.IsEmpty || !PacketHeader.TryRead(_rest, _ownIdLength, _acceptsGreasedBit, out PacketHeader read))
        {
            return false;
        }

        if (!_isFirstRead)
        {
            _firstDestinationId = read.DestinationId;
            _isFirstRead = true;
        }
        else if (!read.DestinationId.SequenceEqual(_firstDestinationId))
        {
            return false;
        }

        header = read;
        packet = _rest[..header.PacketLength];
        _rest = _rest[header.PacketLength..];
        return true;
    }
}
