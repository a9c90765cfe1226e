using Causeway.Quic.Wire;
using FsCheck.Xunit;

namespace Causeway.Quic.Tests.Wire;

public sealed class VarIntTests
{
    [Theory]
    [InlineData("c2197c5eff14e88c", 151288809941952652)]
    [InlineData("9d7f3e7d", 494878333)]
    [InlineData("7bbd", 15293)]
    [InlineData("25", 37)]
    public void SamplesOfTheRfcAreReadAndWritten(string hex, long value)
    {
        // RFC 9000, A.1.
        byte[] encoded = Convert.FromHexString(hex);
        Assert.True(VarInt.TryRead(encoded, out long read, out int length));
        Assert.Equal(value, read);
        Assert.Equal(encoded.Length, length);
        byte[] written = new byte[encoded.Length];
        Assert.Equal(encoded.Length, VarInt.Write(written, value));
        Assert.Equal(encoded, written);
    }

    [Fact]
    public void LongerEncodingsAreRead()
    {
        Assert.True(VarInt.TryRead([0x40, 0x25], out long value, out int length));
        Assert.Equal((37L, 2), (value, length));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(16383, 2)]
    [InlineData(16384, 4)]
    [InlineData(1073741823, 4)]
    [InlineData(1073741824, 8)]
    [InlineData(VarInt.MaxValue, 8)]
    public void LengthsChangeWhereTheyShould(long value, int length)
    {
        Assert.Equal(length, VarInt.Length(value));
        byte[] bytes = new byte[8];
        Assert.Equal(length, VarInt.Write(bytes, value));
        Assert.Equal(length, VarInt.LengthByFirst(bytes[0]));
        for (int room = 0; room < length; room++)
        {
            Assert.Equal(0, VarInt.Write(bytes.AsSpan(0, room), value));
            Assert.False(VarInt.TryRead(bytes.AsSpan(0, room), out _, out _));
        }
    }

    [Property(MaxTest = 1000)]
    public void ReadAndWriteAreInverse(long any)
    {
        byte[] bytes = new byte[8];
        foreach (int shift in (int[])[0, 8, 32, 40, 56])
        {
            long value = (any & VarInt.MaxValue) >> shift;
            foreach (int length in ((int[])[1, 2, 4, 8]).Where(length => length >= VarInt.Length(value)))
            {
                Assert.Equal(length, VarInt.Write(bytes, value, length));
                Assert.True(VarInt.TryRead(bytes, out long read, out int readLength));
                Assert.Equal((value, length), (read, readLength));
            }
        }
    }
}
