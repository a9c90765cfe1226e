namespace Causeway.Quic.Wire;

/// <summary>Bits of a packet's first byte, and the type bits of both versions.</summary>
internal static class HeaderBits
{
    /// <summary>A long header (RFC 8999, 5.1).</summary>
    public const byte Long = 0x80;

    /// <summary>The fixed bit, or QUIC bit: set unless the peer allows otherwise (RFC 9287).</summary>
    public const byte Fixed = 0x40;

    /// <summary>Of a short header: the latency spin bit (RFC 9000, 17.4).</summary>
    public const byte Spin = 0x20;

    /// <summary>Of a short header: the key phase (RFC 9001, 6). Protected.</summary>
    public const byte KeyPhase = 0x04;

    /// <summary>Of a long header: what must be zero once protection is removed (RFC 9000, 17.2).</summary>
    public const byte LongReserved = 0x0c;

    /// <summary>Of a short header: what must be zero once protection is removed (RFC 9000, 17.3.1).</summary>
    public const byte ShortReserved = 0x18;

    /// <summary>The length of the packet number less one. Protected.</summary>
    public const byte PacketNumberLength = 0x03;

    private const int TypeShift = 4;

    /// <summary>The type that a long header of a version has.</summary>
    public static PacketType ReadType(byte first, QuicVersion version)
    {
        int bits = (first >> TypeShift) & 3;

        // Version 2 counts on from version 1 by one (RFC 9369, 3.2): Retry is 0.
        return (PacketType)(version == QuicVersion.V2 ? (bits + 3) & 3 : bits);
    }

    /// <summary>The type bits of a long header, in their place.</summary>
    public static byte WriteType(PacketType type, QuicVersion version) =>
        (byte)((version == QuicVersion.V2 ? ((int)type + 1) & 3 : (int)type) << TypeShift);
}
