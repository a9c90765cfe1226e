using System.Security.Cryptography;
using Causeway.Protocol.Crypto;

namespace Causeway.Quic.Wire;

/// <summary>Retry packets (RFC 9000, 17.2.5) and their integrity tag (RFC 9001, 5.8; RFC 9369, 3.3.3).</summary>
internal static class RetryPacket
{
    /// <summary>Bytes of the integrity tag.</summary>
    public const int IntegrityTagLength = GcmCipher.TagLength;

    // Enough for the id that is put before the packet, and a datagram.
    private const int MaxPseudoPacketLength = 1 + ConnectionId.MaxLength + 2048;

    // A server answers a flood with these packets: no cipher is made for each. The keys are public and stay for good.
    [ThreadStatic]
    private static GcmCipher? s_cipherV1;

    [ThreadStatic]
    private static GcmCipher? s_cipherV2;

    private static ReadOnlySpan<byte> KeyV1 =>
        [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e];

    private static ReadOnlySpan<byte> NonceV1 =>
        [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb];

    private static ReadOnlySpan<byte> KeyV2 =>
        [0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92];

    private static ReadOnlySpan<byte> NonceV2 =>
        [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a];

    /// <summary>Writes a Retry packet, which takes a datagram of its own.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="version">The version of the Initial packet that it answers (RFC 9369, 4.1).</param>
    /// <param name="destinationId">The client's connection id.</param>
    /// <param name="sourceId">
    /// The connection id that the client shall use next; other than the one that it chose.
    /// </param>
    /// <param name="originalDestinationId">The one that it chose.</param>
    /// <param name="token">The token; not empty.</param>
    /// <param name="unusedBits">Four bits that receivers ignore.</param>
    /// <returns>The length; 0 if there is no room, or the packet were longer than any datagram needs to be.</returns>
    public static int Write(
        Span<byte> destination,
        QuicVersion version,
        in ConnectionId destinationId,
        in ConnectionId sourceId,
        in ConnectionId originalDestinationId,
        ReadOnlySpan<byte> token,
        byte unusedBits)
    {
        WireWriter writer = new(destination);
        writer.Byte((byte)(
            HeaderBits.Long | HeaderBits.Fixed | HeaderBits.WriteType(PacketType.Retry, version) | (unusedBits & 0x0f)));
        writer.UInt32((uint)version);
        writer.ShortPrefixed(destinationId.Span);
        writer.ShortPrefixed(sourceId.Span);
        writer.Bytes(token);
        int length = writer.Length;
        return length > 0 && writer.Left >= IntegrityTagLength
            && TryComputeTag(
                version, originalDestinationId, destination[..length], destination.Slice(length, IntegrityTagLength))
            ? length + IntegrityTagLength
            : 0;
    }

    /// <summary>
    /// Whether a Retry packet comes from somebody who saw the client's Initial packet. Takes the same time either way.
    /// </summary>
    /// <param name="packet">The packet, which is the whole datagram.</param>
    /// <param name="version">Its version.</param>
    /// <param name="originalDestinationId">The destination connection id of the client's first Initial packet.</param>
    public static bool IsIntact(ReadOnlySpan<byte> packet, QuicVersion version, in ConnectionId originalDestinationId)
    {
        Span<byte> expected = stackalloc byte[IntegrityTagLength];
        return packet.Length >= IntegrityTagLength
            && TryComputeTag(version, originalDestinationId, packet[..^IntegrityTagLength], expected)
            && CryptographicOperations.FixedTimeEquals(expected, packet[^IntegrityTagLength..]);
    }

    private static bool TryComputeTag(
        QuicVersion version, in ConnectionId originalDestinationId, ReadOnlySpan<byte> packet, Span<byte> tag)
    {
        Span<byte> pseudoPacket = stackalloc byte[MaxPseudoPacketLength];
        int idLength = originalDestinationId.Length;
        if (1 + idLength + packet.Length > pseudoPacket.Length)
        {
            return false;
        }

        pseudoPacket[0] = (byte)idLength;
        originalDestinationId.Span.CopyTo(pseudoPacket[1..]);
        packet.CopyTo(pseudoPacket[(1 + idLength)..]);

        bool isV2 = version == QuicVersion.V2;
        GcmCipher cipher = isV2 ? s_cipherV2 ??= GcmCipher.Create(KeyV2) : s_cipherV1 ??= GcmCipher.Create(KeyV1);
        cipher.Seal(isV2 ? NonceV2 : NonceV1, pseudoPacket[..(1 + idLength + packet.Length)], default, tag);
        return true;
    }
}
