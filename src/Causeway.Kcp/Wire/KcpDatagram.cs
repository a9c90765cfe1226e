namespace Causeway.Kcp.Wire;

/// <summary>Reads whom a datagram is for, before any session has seen it.</summary>
public static class KcpDatagram
{
    /// <summary>
    /// Reads the header of the first segment: its conversation id and sequence number tell whom the datagram is for
    /// (docs/wire/kcptun.md 5.12). A FEC parity shard carries none; neither does an out-of-band packet for our purpose,
    /// since nothing of ours sends one and it could only end a live session.
    /// </summary>
    /// <returns>Whether the datagram carries segments.</returns>
    public static bool TryReadFirstSegment(ReadOnlySpan<byte> datagram, out SegmentHeader segment)
    {
        segment = default;
        if (datagram.Length < SegmentHeader.Size)
        {
            return false;
        }

        switch (FecHeader.Read(datagram).Kind)
        {
            case FecPacketKind.Parity or FecPacketKind.OutOfBand:
                return false;
            case FecPacketKind.Data:
                datagram = datagram[(FecHeader.Size + FecHeader.SizeField)..];
                break;
        }

        if (datagram.Length < SegmentHeader.Size)
        {
            return false;
        }

        segment = SegmentHeader.Read(datagram);
        return true;
    }
}
