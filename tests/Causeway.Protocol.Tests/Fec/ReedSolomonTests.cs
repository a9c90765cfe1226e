using System.Text.Json;
using Causeway.Kcp.Fec;
using Causeway.Protocol.Fec;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Fec;

public sealed class ReedSolomonTests
{
    public static TheoryData<int> GoldenCases() =>
        [.. Enumerable.Range(0, GoldenVectors.Load("reedsolomon.json").GetProperty("cases").GetArrayLength())];

    public static TheoryData<int, int> Shapes() => new()
    {
        { 1, 1 },
        { 1, 255 },
        { 255, 1 },
        { 2, 1 },
        { 3, 1 },
        { 4, 2 },
        { 10, 3 },
        { 20, 5 },
        { 70, 30 },
        { 30, 70 },
        { 128, 128 },
    };

    [Theory]
    [MemberData(nameof(GoldenCases))]
    public void ParityMatchesTheGoldenVectors(int index)
    {
        JsonElement golden = GoldenVectors.Load("reedsolomon.json").GetProperty("cases")[index];
        int dataShards = golden.GetProperty("data_shards").GetInt32();
        ReedSolomon code = new(dataShards, golden.GetProperty("parity_shards").GetInt32());

        // The vectors list at most a few rows of the larger matrices.
        JsonElement rows = golden.GetProperty("parity_rows_hex");
        for (int parity = 0; parity < rows.GetArrayLength(); parity++)
        {
            Assert.Equal(
                rows[parity].Hex(), Enumerable.Range(0, dataShards).Select(data => code.ParityColumn(data)[parity]));
        }

        byte[][] shards = [.. golden.GetProperty("data_shards_hex").EnumerateArray().Select(static shard => shard.Hex())];
        JsonElement expected = golden.GetProperty("parity_shards_hex");
        Assert.Equal(code.ParityShards, expected.GetArrayLength());
        byte[][] actual = Encode(code, shards);
        for (int parity = 0; parity < code.ParityShards; parity++)
        {
            Assert.Equal(expected[parity].Hex(), actual[parity]);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void TheMatrixIsVandermondeTimesTheInverseOfItsTop(int dataShards, int parityShards)
    {
        ReedSolomon code = new(dataShards, parityShards);
        byte[][] vandermonde = [.. Enumerable.Range(0, code.TotalShards).Select(row => PowersOf((byte)row, dataShards))];
        byte[][] inverse = Invert(vandermonde[..dataShards]);
        for (int parity = 0; parity < parityShards; parity++)
        {
            for (int data = 0; data < dataShards; data++)
            {
                byte expected = 0;
                for (int k = 0; k < dataShards; k++)
                {
                    expected ^= GaloisField.Multiply(vandermonde[dataShards + parity][k], inverse[k][data]);
                }

                Assert.Equal(expected, code.ParityColumn(data)[parity]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AnyPresentShardsGiveAllOthers(int dataShards, int parityShards)
    {
        Random random = new(dataShards);
        ReedSolomon code = new(dataShards, parityShards);
        byte[][] data = [.. Enumerable.Range(0, dataShards).Select(_ => RandomBytes(random, 5))];
        byte[][] shards = [.. data, .. Encode(code, data)];
        byte[] scratch = new byte[ReedSolomon.MaxShards];
        byte[] column = new byte[ReedSolomon.MaxShards];
        for (int round = 0; round < 10; round++)
        {
            byte[] order = [.. Enumerable.Range(0, code.TotalShards).Select(static position => (byte)position)];
            random.Shuffle(order);
            byte[] present = order[..dataShards];
            byte[] missing = order[dataShards..];
            byte[][] rebuilt = [.. missing.Select(static _ => new byte[5])];
            Interpolation interpolation = new(present, missing, scratch);
            for (int source = 0; source < dataShards; source++)
            {
                interpolation.Column(source, column);
                for (int target = 0; target < missing.Length; target++)
                {
                    GaloisKernel.Best.MultiplyAdd(column[target], shards[present[source]], rebuilt[target]);
                }
            }

            Assert.Equal(missing.Select(position => shards[position]), rebuilt);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 3)]
    [InlineData(200, 57)]
    [InlineData(256, int.MaxValue)]
    public void ShapesOutsideTheFieldAreRefused(int dataShards, int parityShards) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(dataShards, parityShards));

    private static byte[][] Encode(ReedSolomon code, byte[][] data)
    {
        byte[][] parity = [.. Enumerable.Range(0, code.ParityShards).Select(_ => new byte[data[0].Length])];
        for (int d = 0; d < data.Length; d++)
        {
            for (int p = 0; p < parity.Length; p++)
            {
                GaloisKernel.Best.MultiplyAdd(code.ParityColumn(d)[p], data[d], parity[p]);
            }
        }

        return parity;
    }

    private static byte[] PowersOf(byte element, int count)
    {
        byte[] powers = new byte[count];
        byte power = 1;
        for (int exponent = 0; exponent < count; exponent++)
        {
            powers[exponent] = power;
            power = GaloisField.Multiply(power, element);
        }

        return powers;
    }

    // Gauss-Jordan, on purpose another way than the product's.
    private static byte[][] Invert(byte[][] matrix)
    {
        int size = matrix.Length;
        byte[][] rows = [.. matrix.Select((row, index) => (byte[])[.. row, .. Enumerable.Range(0, size).Select(c => (byte)(c == index ? 1 : 0))])];
        for (int pivot = 0; pivot < size; pivot++)
        {
            int swap = Enumerable.Range(pivot, size - pivot).First(row => rows[row][pivot] != 0);
            (rows[pivot], rows[swap]) = (rows[swap], rows[pivot]);
            byte inverse = GaloisField.Power((GaloisField.Order - GaloisField.Logarithm(rows[pivot][pivot])) % GaloisField.Order);
            rows[pivot] = [.. rows[pivot].Select(value => GaloisField.Multiply(value, inverse))];
            for (int row = 0; row < size; row++)
            {
                if (row != pivot && rows[row][pivot] != 0)
                {
                    new ScalarKernel().MultiplyAdd(rows[row][pivot], rows[pivot], rows[row]);
                }
            }
        }

        return [.. rows.Select(row => row[size..])];
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
