using System.Buffers.Binary;

namespace Causeway.Kcp.Wire;

/// <summary>
/// What arrived at the end that reports, counted since the session began, so that a lost report costs nothing. Each count
/// wraps at 2^32.
/// </summary>
internal record struct PathReport
{
    /// <summary>Bytes on the wire; what follows them is skipped.</summary>
    public const int Size = PathExtension.HeaderSize + (Fields * sizeof(uint));

    private const int Fields = 7;

    /// <summary>Datagrams that arrived, of any kind. It tells a newer report from an older one.</summary>
    public uint Datagrams { get; set; }

    /// <summary>Those among them that a router had marked (CE).</summary>
    public uint Marked { get; set; }

    /// <summary>Those among them that came as they were sent, capable of marks (ECT) and without one.</summary>
    public uint Unmarked { get; set; }

    /// <summary>FEC data shards whose turn was over, whether they had arrived or not.</summary>
    public uint Shards { get; set; }

    /// <summary>Those among them that had not arrived.</summary>
    public uint Missing { get; set; }

    /// <summary>Runs of neighbours that the missing ones form.</summary>
    public uint Runs { get; set; }

    /// <summary>Data shards that were rebuilt from parity.</summary>
    public uint Repaired { get; set; }

    /// <summary>Whether any came capable of marks, with one or without.</summary>
    public readonly bool HasCapable => (Marked | Unmarked) != 0;

    /// <summary>What was counted between two reports, modulo 2^32.</summary>
    public static PathReport operator -(in PathReport later, in PathReport earlier) => unchecked(new PathReport
    {
        Datagrams = later.Datagrams - earlier.Datagrams,
        Marked = later.Marked - earlier.Marked,
        Unmarked = later.Unmarked - earlier.Unmarked,
        Shards = later.Shards - earlier.Shards,
        Missing = later.Missing - earlier.Missing,
        Runs = later.Runs - earlier.Runs,
        Repaired = later.Repaired - earlier.Repaired,
    });

    /// <summary>
    /// Whether a difference can be true: nothing ran backwards, and no part is larger than its whole.
    /// </summary>
    public readonly bool IsPlausibleDifference =>
        Datagrams <= int.MaxValue && Shards <= int.MaxValue && Missing <= Shards && Runs <= Missing && Repaired <= int.MaxValue
        && (ulong)Marked + Unmarked <= Datagrams;

    /// <summary>Reads the fields of a payload of this kind.</summary>
    public static PathReport Read(ReadOnlySpan<byte> payload)
    {
        payload = payload.Slice(PathExtension.HeaderSize, Fields * sizeof(uint));
        return new PathReport
        {
            Datagrams = BinaryPrimitives.ReadUInt32LittleEndian(payload),
            Marked = BinaryPrimitives.ReadUInt32LittleEndian(payload[4..]),
            Unmarked = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]),
            Shards = BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]),
            Missing = BinaryPrimitives.ReadUInt32LittleEndian(payload[16..]),
            Runs = BinaryPrimitives.ReadUInt32LittleEndian(payload[20..]),
            Repaired = BinaryPrimitives.ReadUInt32LittleEndian(payload[24..]),
        };
    }

    /// <summary>Writes mark and fields.</summary>
    public readonly void Write(Span<byte> destination)
    {
        PathExtension.WriteHeader(destination, PathExtensionKind.Report);
        destination = destination.Slice(PathExtension.HeaderSize, Fields * sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Datagrams);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Marked);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Unmarked);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Shards);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], Missing);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], Runs);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], Repaired);
    }
}
