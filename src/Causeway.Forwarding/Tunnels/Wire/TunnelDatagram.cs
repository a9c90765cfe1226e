using System.Buffers.Binary;

namespace Causeway.Forwarding.Tunnels.Wire;

/// <summary>
/// What stands before the payload in a datagram of the connection: whose it is, and which piece of a longer one if it is one
/// (docs/wire/tunnel.md 5).
/// </summary>
internal readonly record struct TunnelDatagram
{
    /// <summary>The header of a whole datagram.</summary>
    public const int WholeHeaderLength = 5;

    /// <summary>The header of a piece.</summary>
    public const int PieceHeaderLength = WholeHeaderLength + 6;

    /// <summary>The longest payload that UDP over IPv4 carries (RFC 768, RFC 791: 65535 less both headers).</summary>
    public const int MaxPayloadLength = 65507;

    /// <summary>Pieces of the longest payload, at most; so that one word says which are there.</summary>
    public const int MaxPieces = 64;

    private const byte WholeForm = 0;
    private const byte PieceForm = 1;

    /// <summary>The id of the flow's stream.</summary>
    public uint Flow { get; private init; }

    /// <summary>Of how many pieces this is one; 1 for a whole.</summary>
    public int Count { get; private init; }

    /// <summary>Which of them.</summary>
    public int Index { get; private init; }

    /// <summary>Tells the pieces of one payload from those of others.</summary>
    public ushort Packet { get; private init; }

    /// <summary>Bytes of all pieces.</summary>
    public int Total { get; private init; }

    /// <summary>Bytes before the payload.</summary>
    public int HeaderLength => Count == 1 ? WholeHeaderLength : PieceHeaderLength;

    /// <summary>Bytes of each piece but the last, which has the rest.</summary>
    public int PieceLength => PieceLengthOf(Total, Count);

    /// <summary>Parses a datagram: its length has to be what the header says.</summary>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out TunnelDatagram header)
    {
        header = default;
        if (datagram.Length < WholeHeaderLength)
        {
            return false;
        }

        uint flow = BinaryPrimitives.ReadUInt32BigEndian(datagram);
        if (datagram[4] == WholeForm)
        {
            header = new TunnelDatagram { Flow = flow, Count = 1, Total = datagram.Length - WholeHeaderLength };
            return true;
        }

        if (datagram[4] != PieceForm || datagram.Length < PieceHeaderLength)
        {
            return false;
        }

        TunnelDatagram piece = new()
        {
            Flow = flow,
            Packet = BinaryPrimitives.ReadUInt16BigEndian(datagram[5..]),
            Index = datagram[7],
            Count = datagram[8],
            Total = BinaryPrimitives.ReadUInt16BigEndian(datagram[9..]),
        };
        header = piece;
        if (piece.Count is < 2 or > MaxPieces || piece.Index >= piece.Count || piece.Total > MaxPayloadLength)
        {
            return false;
        }

        // The last piece has one byte at least.
        int last = piece.Total - (piece.PieceLength * (piece.Count - 1));
        return last > 0 && datagram.Length - PieceHeaderLength == (piece.Index == piece.Count - 1 ? last : piece.PieceLength);
    }

    /// <summary>Writes the header of a whole datagram.</summary>
    public static void WriteWhole(Span<byte> destination, uint flow)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, flow);
        destination[4] = WholeForm;
    }

    /// <summary>Writes the header of a piece.</summary>
    public static void WritePiece(Span<byte> destination, uint flow, ushort packet, int index, int count, int total)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, flow);
        destination[4] = PieceForm;
        BinaryPrimitives.WriteUInt16BigEndian(destination[5..], packet);
        destination[7] = (byte)index;
        destination[8] = (byte)count;
        BinaryPrimitives.WriteUInt16BigEndian(destination[9..], (ushort)total);
    }

    /// <summary>How many pieces a payload takes.</summary>
    /// <param name="length">Bytes of the payload.</param>
    /// <param name="datagram">Bytes of the longest datagram that the connection takes.</param>
    /// <returns>1 if it fits whole; 0 if it takes more than <see cref="MaxPieces"/>.</returns>
    public static int CountPieces(int length, int datagram)
    {
        if (WholeHeaderLength + length <= datagram)
        {
            return 1;
        }

        int room = datagram - PieceHeaderLength;
        int count = room <= 0 ? MaxPieces + 1 : (length + room - 1) / room;
        return count <= MaxPieces && length <= MaxPayloadLength ? count : 0;
    }

    /// <summary>Bytes of each piece but the last.</summary>
    public static int PieceLengthOf(int total, int count) => (total + count - 1) / count;
}
