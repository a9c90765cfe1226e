using Causeway.Kcptun.Crypt;

namespace Causeway.Kcptun.Tests.Crypt;

public sealed class Crc32Tests
{
    private const int Seed = 77;

    private delegate uint Checksum(ReadOnlySpan<byte> bytes);

    [Fact]
    public void CheckValueIsTheCatalogues()
    {
        foreach ((_, Checksum compute) in Paths())
        {
            Assert.Equal(0xCBF43926u, compute("123456789"u8));
            Assert.Equal(0u, compute([]));
        }
    }

    [Fact]
    public void PathsAgreeWithTheDefinitionForAllShortLengthsAndAnyAlignment()
    {
        byte[] bytes = new byte[420];
        new Random(Seed).NextBytes(bytes);
        for (int length = 0; length <= 400; length++)
        {
            ReadOnlySpan<byte> part = bytes.AsSpan(length % 17, length);
            uint expected = Bitwise(part);
            foreach ((string path, Checksum compute) in Paths())
            {
                Assert.True(expected == compute(part), $"{path}, {length} bytes, seed {Seed}");
            }
        }
    }

    [Fact]
    public void PathsAgreeWithTheDefinitionForRandomLongerLengths()
    {
        Random random = new(Seed);
        byte[] bytes = new byte[70_000];
        random.NextBytes(bytes);
        for (int i = 0; i < 40; i++)
        {
            int offset = random.Next(64);
            int length = random.Next(400, i < 36 ? 3000 : 69_000);
            uint expected = Bitwise(bytes.AsSpan(offset, length));
            foreach ((string path, Checksum compute) in Paths())
            {
                uint actual = compute(bytes.AsSpan(offset, length));
                Assert.True(expected == actual, $"{path}, {length} bytes at {offset}, seed {Seed}");
            }
        }
    }

    // x^n mod P, in the reflected order of bits, with the shift by one that a product of reflected factors needs.
    [Theory]
    [InlineData(512 + 32, Crc32.FoldBy512Low)]
    [InlineData(512 - 32, Crc32.FoldBy512High)]
    [InlineData(128 + 32, Crc32.FoldBy128Low)]
    [InlineData(128 - 32, Crc32.FoldBy128High)]
    public void FoldingConstantsFollowFromThePolynomial(int power, ulong constant)
    {
        const ulong Polynomial = 0x1_04C1_1DB7;
        ulong remainder = 1;
        for (int i = 0; i < power; i++)
        {
            remainder <<= 1;
            remainder ^= (remainder >> 32) * Polynomial;
        }

        ulong reflected = 0;
        for (int bit = 0; bit < 32; bit++)
        {
            reflected |= ((remainder >> bit) & 1) << (31 - bit);
        }

        Assert.Equal(reflected << 1, constant);
    }

    private static IEnumerable<(string Path, Checksum Compute)> Paths()
    {
        yield return ("default", Crc32.Compute);
        yield return ("sliced", Crc32.ComputeSliced);
        if (Crc32.IsFoldingSupported)
        {
            yield return ("folding", Crc32.ComputeFolding);
        }

        if (Crc32.IsArmSupported)
        {
            yield return ("Arm", Crc32.ComputeArm);
        }
    }

    private static uint Bitwise(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
