using Causeway.Kcptun.Compression;

namespace Causeway.Kcptun.Tests.Compression;

public sealed class Crc32CTests
{
    [Fact]
    public void MatchesTheCheckValues()
    {
        // "123456789", and RFC 3720 appendix B.4: 32 zeros, 32 ones, 32 incrementing bytes.
        Assert.Equal(0xE3069283, Crc32C.Compute("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(static i => (byte)i)]));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void HardwareAndScalarAgreeAtEveryLengthAndCut()
    {
        Random random = new(1);
        byte[] bytes = new byte[8200];
        random.NextBytes(bytes);
        for (int length = 0; length < 3300; length += length < 70 ? 1 : random.Next(1, 40))
        {
            ReadOnlySpan<byte> part = bytes.AsSpan(random.Next(16), length);
            uint expected = Crc32C.AppendScalar(~0u, part);
            Assert.Equal(expected, Crc32C.Append(~0u, part));
            int cut = random.Next(length + 1);
            Assert.Equal(expected, Crc32C.Append(Crc32C.Append(~0u, part[..cut]), part[cut..]));
        }

        Assert.Equal(Crc32C.AppendScalar(~0u, bytes), Crc32C.Append(~0u, bytes));
    }
}
