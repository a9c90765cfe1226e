using System.Globalization;

namespace Causeway.Protocol.Fec;

/// <summary>Systematic Reed-Solomon over GF(2^8) with kcptun's coding matrix (docs/wire/kcptun.md 4.5).</summary>
internal sealed class ReedSolomon
{
    /// <summary>Data and parity shards of a group together: the field has no more points.</summary>
    public const int MaxShards = 256;

    private readonly byte[] _columns;

    /// <param name="dataShards">Data shards of a group, at least 1.</param>
    /// <param name="parityShards">
    /// Parity shards of a group, at least 1; at most 256 together with the data shards.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A count is out of range.</exception>
    public ReedSolomon(int dataShards, int parityShards)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dataShards, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(parityShards, 1);
        if (dataShards > MaxShards - parityShards)
        {
            throw new ArgumentOutOfRangeException(
                nameof(parityShards),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{dataShards} data shards and {parityShards} parity shards are more than {MaxShards} together."));
        }

        DataShards = dataShards;
        ParityShards = parityShards;
        _columns = new byte[dataShards * parityShards];

        Span<byte> points = stackalloc byte[MaxShards];
        for (int point = 0; point < points.Length; point++)
        {
            points[point] = (byte)point;
        }

        Span<byte> scratch = stackalloc byte[MaxShards];
        Interpolation parity = new(points[..dataShards], points.Slice(dataShards, parityShards), scratch);
        for (int data = 0; data < dataShards; data++)
        {
            parity.Column(data, _columns.AsSpan(data * parityShards, parityShards));
        }
    }

    /// <summary>Data shards of a group.</summary>
    public int DataShards { get; }

    /// <summary>Parity shards of a group.</summary>
    public int ParityShards { get; }

    /// <summary>Shards of a group.</summary>
    public int TotalShards => DataShards + ParityShards;

    /// <summary>
    /// The coefficient of one data shard in each parity shard: a column of the lower part of the matrix.
    /// </summary>
    public ReadOnlySpan<byte> ParityColumn(int dataShard) => _columns.AsSpan(dataShard * ParityShards, ParityShards);
}
