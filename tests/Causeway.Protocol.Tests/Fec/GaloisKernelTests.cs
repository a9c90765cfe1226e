using System.Numerics;
using Causeway.Kcp.Fec;
using Causeway.Protocol.Fec;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Fec;

public sealed class GaloisKernelTests
{
    private const int MaxLength = 300;
    private const byte Guard = 0xA5;

    public static TheoryData<string> SupportedKernels() =>
        [.. GaloisKernel.All.Where(static kernel => kernel.IsSupported).Select(static kernel => kernel.Name)];

    [Fact]
    public void PowersOfTwoMatchTheGoldenTable()
    {
        byte[] expected = GoldenVectors.Load("reedsolomon.json").Hex("field_exp_table_first_16_hex");
        Assert.Equal(expected, Enumerable.Range(0, 16).Select(GaloisField.Power));
    }

    [Fact]
    public void ProductsMatchLongMultiplication()
    {
        for (int left = 0; left < 256; left++)
        {
            for (int right = 0; right < 256; right++)
            {
                Assert.Equal(LongMultiply(left, right), GaloisField.Multiply((byte)left, (byte)right));
            }
        }
    }

    // GF2P8AFFINEQB as its definition has it, since few machines that run the tests have it in hardware.
    [Fact]
    public void AffineMatricesMultiplyAsTheInstructionDefinesIt()
    {
        for (int coefficient = 0; coefficient < 256; coefficient++)
        {
            ulong matrix = GaloisField.AffineMatrix((byte)coefficient);
            for (int operand = 0; operand < 256; operand++)
            {
                int result = 0;
                for (int bit = 0; bit < 8; bit++)
                {
                    int row = (int)(matrix >> (8 * (7 - bit))) & 0xFF;
                    result |= (BitOperations.PopCount((uint)(row & operand)) & 1) << bit;
                }

                Assert.Equal(LongMultiply(coefficient, operand), result);
            }
        }
    }

    [Fact]
    public void TheBestKernelIsTheFirstThatTheMachineSupports()
    {
        Assert.Same(GaloisKernel.All.First(static kernel => kernel.IsSupported), GaloisKernel.Best);
        Assert.Equal(GaloisKernel.All.Count, GaloisKernel.All.Select(static kernel => kernel.Name).Distinct().Count());
    }

    [Fact]
    public void TheScalarKernelMultipliesAndAdds()
    {
        byte[] source = GoldenVectors.Pattern(256);
        for (int coefficient = 0; coefficient < 256; coefficient++)
        {
            byte[] destination = new byte[257];
            destination.AsSpan().Fill(Guard);
            new ScalarKernel().MultiplyAdd((byte)coefficient, source, destination);
            Assert.Equal([.. source.Select(value => (byte)(Guard ^ LongMultiply(coefficient, value))), Guard], destination);
        }
    }

    [Theory]
    [MemberData(nameof(SupportedKernels))]
    public void EveryKernelMatchesTheScalarOne(string name)
    {
        GaloisKernel kernel = Find(name);
        ScalarKernel scalar = new();
        byte[] noise = new byte[2048];
        new Random(1).NextBytes(noise);
        byte[] actual = new byte[512];
        byte[] expected = new byte[512];
        for (int coefficient = 0; coefficient < 256; coefficient++)
        {
            for (int length = 0; length <= MaxLength; length++)
            {
                int shift = (coefficient + length) % 67;
                ReadOnlySpan<byte> source = noise.AsSpan(shift, length);
                noise.AsSpan(1024, 512).CopyTo(actual);
                noise.AsSpan(1024, 512).CopyTo(expected);
                int start = (shift * 3 % 64) + 1;
                kernel.MultiplyAdd((byte)coefficient, source, actual.AsSpan(start, length));
                scalar.MultiplyAdd((byte)coefficient, source, expected.AsSpan(start, length));
                Assert.True(actual.AsSpan().SequenceEqual(expected), $"coefficient {coefficient}, length {length}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(SupportedKernels))]
    public void FusedRowsMatchSingleOnes(string name)
    {
        GaloisKernel kernel = Find(name);
        ScalarKernel scalar = new();
        PacketPool pool = new(track: true);
        byte[] noise = new byte[1024];
        Random random = new(2);
        random.NextBytes(noise);
        byte[] coefficients = new byte[9];
        for (int length = 0; length <= MaxLength; length++)
        {
            random.NextBytes(coefficients);
            ReadOnlySpan<byte> source = noise.AsSpan(length % 31, length);
            int count = 1 + (length % coefficients.Length);
            int offset = length % 7;
            PacketBuffer?[] rows = [.. Enumerable.Range(0, count).Select(index => Row(pool, noise.AsSpan(index * 50, offset + length + 1)))];
            kernel.MultiplyAddRows(coefficients.AsSpan(0, count), source, rows, offset);
            for (int row = 0; row < count; row++)
            {
                byte[] expected = noise.AsSpan(row * 50, offset + length + 1).ToArray();
                scalar.MultiplyAdd(coefficients[row], source, expected.AsSpan(offset));
                Assert.True(rows[row]!.Payload.SequenceEqual(expected), $"row {row} of {count}, length {length}");
                rows[row]!.Release();
            }
        }

        pool.ThrowIfOutstanding();
    }

    [Theory]
    [MemberData(nameof(SupportedKernels))]
    public void ADestinationThatIsTooShortIsRefused(string name)
    {
        GaloisKernel kernel = Find(name);
        byte[] full = new byte[200];
        byte[] tooShort = new byte[199];
        byte[] coefficients = [1, 2, 3, 4];
        Assert.ThrowsAny<ArgumentException>(() => kernel.MultiplyAdd(1, full, tooShort));
        Assert.ThrowsAny<ArgumentException>(() => kernel.MultiplyAdd2(coefficients, full, full, tooShort));
        Assert.ThrowsAny<ArgumentException>(() => kernel.MultiplyAdd3(coefficients, full, full, full, tooShort));
        Assert.ThrowsAny<ArgumentException>(() => kernel.MultiplyAdd4(coefficients, full, full, full, full, tooShort));
    }

    private static GaloisKernel Find(string name) => GaloisKernel.All.Single(kernel => kernel.Name == name);

    private static PacketBuffer Row(PacketPool pool, ReadOnlySpan<byte> content)
    {
        PacketBuffer row = pool.Rent();
        content.CopyTo(row.Append(content.Length));
        return row;
    }

    private static int LongMultiply(int left, int right)
    {
        int product = 0;
        for (int bit = 7; bit >= 0; bit--)
        {
            product <<= 1;
            if (product > 0xFF)
            {
                product ^= 0x11D;
            }

            if (((right >> bit) & 1) != 0)
            {
                product ^= left;
            }
        }

        return product;
    }
}
