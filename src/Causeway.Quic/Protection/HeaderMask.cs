using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Protection;

/// <summary>
/// Applies masks to headers (RFC 9001, 5.4.1). How long the packet number is, is a secret until the packet is opened:
/// nothing branches on it.
/// </summary>
internal static class HeaderMask
{
    private const byte LongBits = 0x0f;
    private const byte ShortBits = 0x1f;

    /// <summary>
    /// Whether the sample is in the packet; without it, the packet is to be dropped (RFC 9001, 5.4.2).
    /// </summary>
    public static bool HasSample(int packetLength, int packetNumberOffset) =>
        packetLength >= packetNumberOffset + HeaderProtector.SampleOffset + HeaderProtector.SampleLength;

    /// <summary>The sample of a packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<byte> Sample(ReadOnlySpan<byte> packet, int packetNumberOffset) =>
        packet.Slice(packetNumberOffset + HeaderProtector.SampleOffset, HeaderProtector.SampleLength);

    /// <summary>Protects a header.</summary>
    /// <param name="packet">The packet, whose header is not protected yet.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="mask">The mask of its sample.</param>
    public static void Apply(Span<byte> packet, int packetNumberOffset, ReadOnlySpan<byte> mask)
    {
        int length = (packet[0] & HeaderBits.PacketNumberLength) + 1;
        XorNumber(packet[packetNumberOffset..], length, mask);
        XorFirst(packet, mask);
    }

    /// <summary>Removes the protection of a header.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="packetNumberOffset">Where the packet number begins.</param>
    /// <param name="mask">The mask of its sample.</param>
    /// <param name="length">Bytes of the packet number.</param>
    /// <returns>The packet number, truncated.</returns>
    public static long Remove(Span<byte> packet, int packetNumberOffset, ReadOnlySpan<byte> mask, out int length)
    {
        XorFirst(packet, mask);
        length = (packet[0] & HeaderBits.PacketNumberLength) + 1;
        return XorNumber(packet[packetNumberOffset..], length, mask);
    }

    private static void XorFirst(Span<byte> packet, ReadOnlySpan<byte> mask) =>
        packet[0] ^= (byte)(mask[0] & ((packet[0] & HeaderBits.Long) != 0 ? LongBits : ShortBits));

    // Four bytes are always read and written. The sample begins behind them, so that they are in the packet.
    private static uint XorNumber(Span<byte> field, int length, ReadOnlySpan<byte> mask)
    {
        int unused = 8 * (PacketNumber.MaxLength - length);
        uint number = BinaryPrimitives.ReadUInt32BigEndian(field);
        number ^= BinaryPrimitives.ReadUInt32BigEndian(mask[1..]) & (uint.MaxValue << unused);
        BinaryPrimitives.WriteUInt32BigEndian(field, number);
        return number >> unused;
    }
}
