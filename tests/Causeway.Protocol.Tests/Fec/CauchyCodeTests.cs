using Causeway.Protocol.Fec;

namespace Causeway.Protocol.Tests.Fec;

public sealed class CauchyCodeTests
{
    [Fact]
    public void InversesGiveOne()
    {
        for (int element = 1; element < 256; element++)
        {
            Assert.Equal(1, GaloisField.Multiply((byte)element, CauchyCode.Inverse((byte)element)));
        }
    }

    /// <summary>Two documents agree on the code if these agree: docs/wire/quic-fec.md has the same numbers.</summary>
    [Theory]
    [InlineData(0, 0, 0x1b)]
    [InlineData(1, 0, 0x54)]
    [InlineData(0, 1, 0x54)]
    [InlineData(5, 3, 0xe4)]
    [InlineData(128, 128, 0x1b)]
    [InlineData(1000003, 77, 0x02)]
    public void CoefficientsAreThoseOfTheDocument(long source, long repair, byte expected) =>
        Assert.Equal(expected, CauchyCode.Coefficient(source, repair));

    /// <summary>What makes the code: any n repairs over the same window make up for any n sources.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void EverySquareOfTheMatrixCanBeInverted(int size)
    {
        Random random = new(size);
        for (int round = 0; round < 2000; round++)
        {
            long first = random.NextInt64(1L << 40);
            long repair = random.NextInt64(1L << 40);
            long[] sources = [.. Enumerable.Range(0, CauchyCode.MostSources).OrderBy(_ => random.Next()).Take(size).Select(i => first + i)];
            byte[][] matrix = [.. Enumerable.Range(0, size).Select(row => sources.Select(s => CauchyCode.Coefficient(s, repair + row)).ToArray())];
            Assert.True(IsRegular(matrix), $"{first} {repair}");
        }
    }

    private static bool IsRegular(byte[][] matrix)
    {
        for (int column = 0; column < matrix.Length; column++)
        {
            int pivot = Array.FindIndex(matrix, column, row => row[column] != 0);
            if (pivot < 0)
            {
                return false;
            }

            (matrix[column], matrix[pivot]) = (matrix[pivot], matrix[column]);
            for (int row = column + 1; row < matrix.Length; row++)
            {
                byte factor = GaloisField.Multiply(matrix[row][column], CauchyCode.Inverse(matrix[column][column]));
                for (int i = column; i < matrix.Length; i++)
                {
                    matrix[row][i] ^= GaloisField.Multiply(factor, matrix[column][i]);
                }
            }
        }

        return true;
    }
}
