using System.Buffers.Binary;

namespace Causeway.Kcp.Wire;

/// <summary>What a datagram is to forward error correction.</summary>
public enum FecPacketKind
{
    /// <summary>Not a datagram with an FEC header, or one that is too short.</summary>
    None,

    /// <summary>A datagram of the session, from byte <see cref="Fec.FecEncoder.HeaderSize"/> on.</summary>
    Data,

    /// <summary>Parity over the data of its group.</summary>
    Parity,

    /// <summary>
    /// A datagram outside the session, which kcptun never sends and ignores (docs/wire/kcptun.md 4.3).
    /// </summary>
    OutOfBand,
}

/// <summary>The first six bytes of a datagram under FEC: sequence id and type (docs/wire/kcptun.md 4.1).</summary>
internal readonly record struct FecHeader(uint Sequence, FecPacketKind Kind)
{
    /// <summary>Bytes before the body. The body of data starts with a size field, which parity covers too.</summary>
    public const int Size = 6;

    /// <summary>Bytes of the size field, which counts itself.</summary>
    public const int SizeField = 2;

    /// <summary>The sequence id of out-of-band datagrams.</summary>
    public const uint OutOfBandSequence = uint.MaxValue;

    private const ushort DataType = 0x00F1;
    private const ushort ParityType = 0x00F2;
    private const ushort OutOfBandType = 0x00F3;

    /// <summary>Reads a header; the kind is <see cref="FecPacketKind.None"/> if there is none.</summary>
    public static FecHeader Read(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < Size)
        {
            return default;
        }

        FecPacketKind kind = BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]) switch
        {
            DataType => FecPacketKind.Data,
            ParityType => FecPacketKind.Parity,
            OutOfBandType => FecPacketKind.OutOfBand,
            _ => FecPacketKind.None,
        };
        return new FecHeader(BinaryPrimitives.ReadUInt32LittleEndian(datagram), kind);
    }

    /// <summary>Writes the header of a data datagram with a body of the given length, size field included.</summary>
    public static void WriteData(Span<byte> destination, uint sequence, int bodyLength)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], DataType);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[Size..], (ushort)bodyLength);
    }

    /// <summary>Writes the header of a parity datagram.</summary>
    public static void WriteParity(Span<byte> destination, uint sequence)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, sequence);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], ParityType);
    }

    /// <summary>
    /// Where sequence ids wrap to 0: the largest multiple of the group size within 32 bits, so that positions in a
    /// group stay aligned (docs/wire/kcptun.md 4.3).
    /// </summary>
    public static uint SequenceLimit(int totalShards) => uint.MaxValue / (uint)totalShards * (uint)totalShards;
}
