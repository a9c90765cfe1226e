using System.Buffers.Binary;

namespace Causeway.Protocol.Wire;

/// <summary>Reads whom a datagram is for, before any session has seen it.</summary>
public static class KcpDatagram
{
    private const int SegmentHeaderSize = 24;
    private const int FecHeaderSize = 8;
    private const ushort FecData = 0x00F1;
    private const ushort FecParity = 0x00F2;
    private const ushort FecOutOfBand = 0x00F3;

    /// <summary>
    /// Reads the conversation id and the first sequence number (spec 5.12). A FEC parity shard carries none; neither does an
    /// out-of-band packet for our purpose, since nothing of ours sends one and it could only end a live session.
    /// </summary>
    /// <returns>Whether the datagram has a conversation id.</returns>
    public static bool TryReadConversation(ReadOnlySpan<byte> datagram, out uint conversation, out uint sequence)
    {
        conversation = 0;
        sequence = 0;
        if (datagram.Length < SegmentHeaderSize)
        {
            return false;
        }

        switch (BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]))
        {
            case FecParity or FecOutOfBand:
                return false;
            case FecData:
                datagram = datagram[FecHeaderSize..];
                break;
        }

        if (datagram.Length < SegmentHeaderSize)
        {
            return false;
        }

        conversation = BinaryPrimitives.ReadUInt32LittleEndian(datagram);
        sequence = BinaryPrimitives.ReadUInt32LittleEndian(datagram[12..]);
        return true;
    }
}
