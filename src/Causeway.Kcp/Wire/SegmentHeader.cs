using System.Buffers.Binary;

namespace Causeway.Kcp.Wire;

/// <summary>The 24 bytes in front of each KCP segment, little endian (docs/wire/kcptun.md 5.1).</summary>
/// <remarks>
/// <see cref="Read"/> and <see cref="Write"/> are inverse for every bit pattern: nothing is checked here, since what is
/// valid depends on the session.
/// </remarks>
public readonly record struct SegmentHeader
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 24;

    /// <summary>
    /// What an acknowledgement of ours has for <see cref="Fragment"/>, which means nothing there and which no KCP reads: so
    /// we know each other. Data has it too once the peer is known to be one of ours, for one that only receives.
    /// </summary>
    internal const byte CausewayMark = 0xCA;

    /// <summary>Conversation id, the same in both directions.</summary>
    public required uint Conversation { get; init; }

    /// <summary>What the segment is for; any byte can arrive.</summary>
    public required SegmentCommand Command { get; init; }

    /// <summary>Fragments of the message still to come; always 0 from kcptun.</summary>
    public byte Fragment { get; init; }

    /// <summary>The sender's free receive window in segments.</summary>
    public required ushort Window { get; init; }

    /// <summary>The sender's clock at this transmission, or the echo of it in an acknowledgement.</summary>
    public required uint Time { get; init; }

    /// <summary>Sequence number of the data, or the one that is acknowledged.</summary>
    public required uint Sequence { get; init; }

    /// <summary>The sender of this segment has received everything before this sequence number.</summary>
    public required uint Unacknowledged { get; init; }

    /// <summary>Bytes of data that follow.</summary>
    public required uint Length { get; init; }

    /// <summary>Reads a header from the first <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="source"/> is shorter than a header.</exception>
    public static SegmentHeader Read(ReadOnlySpan<byte> source)
    {
        source = source[..Size];
        return new SegmentHeader
        {
            Conversation = BinaryPrimitives.ReadUInt32LittleEndian(source),
            Command = (SegmentCommand)source[4],
            Fragment = source[5],
            Window = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]),
            Time = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            Sequence = BinaryPrimitives.ReadUInt32LittleEndian(source[12..]),
            Unacknowledged = BinaryPrimitives.ReadUInt32LittleEndian(source[16..]),
            Length = BinaryPrimitives.ReadUInt32LittleEndian(source[20..]),
        };
    }

    /// <summary>Writes the header to the first <see cref="Size"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="destination"/> is shorter than a header.
    /// </exception>
    public void Write(Span<byte> destination)
    {
        destination = destination[..Size];
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Conversation);
        destination[4] = (byte)Command;
        destination[5] = Fragment;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], Window);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], Time);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], Unacknowledged);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], Length);
    }
}
