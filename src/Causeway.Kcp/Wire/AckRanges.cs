using System.Buffers.Binary;

namespace Causeway.Kcp.Wire;

/// <summary>
/// What was received above the cumulative acknowledgement, in the payload of an acknowledgement between two ends of
/// this library (docs/design/loss-recovery.md): a kind, a count, and so many ranges of two u16, how far the range
/// begins behind
/// <c>una</c> and how many segments it has. Little endian; what follows is skipped.
/// </summary>
internal readonly ref struct AckRanges
{
    /// <summary>Bytes in front of the ranges.</summary>
    public const int HeaderSize = 2;

    /// <summary>Bytes of a range.</summary>
    public const int RangeSize = 2 * sizeof(ushort);

    /// <summary>More of them than anybody sends are none of ours.</summary>
    public const int Most = 32;

    // Version 1 in the upper half; the lower counts on from the kinds of path extensions.
    private const byte Kind = 0x13;

    private readonly ReadOnlySpan<byte> _ranges;

    private AckRanges(ReadOnlySpan<byte> ranges) => _ranges = ranges;

    /// <summary>How many there are.</summary>
    public int Count => _ranges.Length / RangeSize;

    /// <summary>
    /// A range: where it begins, counted from <c>una</c>, and how many segments it has; any numbers can arrive.
    /// </summary>
    public (ushort Offset, ushort Length) this[int index]
    {
        get
        {
            ReadOnlySpan<byte> range = _ranges.Slice(index * RangeSize, RangeSize);
            return (BinaryPrimitives.ReadUInt16LittleEndian(range), BinaryPrimitives.ReadUInt16LittleEndian(range[2..]));
        }
    }

    /// <summary>Bytes of a payload.</summary>
    public static int SizeOf(int count) => HeaderSize + (count * RangeSize);

    /// <summary>Reads a payload. False if it is none of these, or cut short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out AckRanges ranges)
    {
        ranges = default;
        if (payload.Length < HeaderSize || payload[0] != Kind || payload[1] is 0 or > Most
            || payload.Length < SizeOf(payload[1]))
        {
            return false;
        }

        ranges = new AckRanges(payload.Slice(HeaderSize, payload[1] * RangeSize));
        return true;
    }

    /// <summary>Writes what stands before the ranges.</summary>
    public static void WriteHeader(Span<byte> payload, int count)
    {
        payload[0] = Kind;
        payload[1] = (byte)count;
    }

    /// <summary>Writes a range.</summary>
    public static void WriteRange(Span<byte> payload, int index, ushort offset, ushort length)
    {
        payload = payload.Slice(HeaderSize + (index * RangeSize), RangeSize);
        BinaryPrimitives.WriteUInt16LittleEndian(payload, offset);
        BinaryPrimitives.WriteUInt16LittleEndian(payload[2..], length);
    }
}
