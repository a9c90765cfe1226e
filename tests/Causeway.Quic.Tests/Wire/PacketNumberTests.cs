using Causeway.Quic.Wire;
using FsCheck.Xunit;

namespace Causeway.Quic.Tests.Wire;

public sealed class PacketNumberTests
{
    [Theory]
    [InlineData(0xac5c02, 0xabe8b3, 2)]
    [InlineData(0xace8fe, 0xabe8b3, 3)]
    [InlineData(0, PacketNumber.None, 1)]
    [InlineData(126, PacketNumber.None, 1)]
    [InlineData(127, PacketNumber.None, 2)]
    [InlineData(PacketNumber.Max, PacketNumber.None, 4)]
    public void LengthSpansTwiceTheDistance(long number, long largestAcknowledged, int length) =>
        // The first two are of RFC 9000, A.2.
        Assert.Equal(length, PacketNumber.Length(number, largestAcknowledged));

    [Theory]
    [InlineData(0x9b32, 2, 0xa82f30ea, 0xa82f9b32)]
    [InlineData(0x00, 1, PacketNumber.None, 0)]
    [InlineData(0xff, 1, PacketNumber.None, 0xff)]
    [InlineData(0x00, 1, 0xff, 0x100)]
    [InlineData(0xff, 1, 0x100, 0xff)]
    [InlineData(0x00, 1, 0x17e, 0x100)]
    [InlineData(0x00, 1, 0x17f, 0x200)]
    [InlineData(0x80, 1, 0xff, 0x180)]
    [InlineData(0x81, 1, 0xff, 0x81)]
    [InlineData(0xffffffff, 4, PacketNumber.Max, PacketNumber.Max)]
    [InlineData(0x00, 1, PacketNumber.Max, PacketNumber.Max - 0xff)]
    public void DecodesToTheClosestNumber(long truncated, int length, long largestReceived, long expected) =>
        // The first one is of RFC 9000, A.3.
        Assert.Equal(expected, PacketNumber.Decode(truncated, length, largestReceived));

    [Property(MaxTest = 2000)]
    public void WhatIsSentIsDecodedWhateverArrivedBefore(long any, int distance, int arrived)
    {
        // The receiver has seen something between what it acknowledged and what is sent.
        long acknowledged = (any & (PacketNumber.Max >> 1)) >> (distance & 0x1f);
        long number = acknowledged + 1 + (distance & 0x3fff_ffff);
        long largestReceived = acknowledged + ((uint)arrived % (number - acknowledged));
        int length = PacketNumber.Length(number, acknowledged);
        byte[] field = new byte[length];
        PacketNumber.Write(field, number, length);
        Assert.Equal(number, PacketNumber.Decode(PacketNumber.ReadTruncated(field, length), length, largestReceived));
    }

    [Property(MaxTest = 2000)]
    public void NeverDecodesToWhatIsNoPacketNumber(uint truncated, int length, long largest)
    {
        length = 1 + (length & 3);
        long field = truncated & (uint.MaxValue >> (8 * (4 - length)));
        long largestReceived = largest == long.MinValue ? PacketNumber.None : Math.Abs(largest) & PacketNumber.Max;
        long decoded = PacketNumber.Decode(field, length, largestReceived);
        Assert.InRange(decoded, 0, PacketNumber.Max);
        Assert.Equal(field, decoded & ((1L << (8 * length)) - 1));
    }
}
