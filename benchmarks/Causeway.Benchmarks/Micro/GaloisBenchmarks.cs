using BenchmarkDotNet.Attributes;
using Causeway.Kcp.Fec;
using Causeway.Protocol.Fec;

namespace Causeway.Benchmarks.Micro;

/// <summary>Multiply and add in GF(2^8), the inner loop of Reed-Solomon: 1350 bytes into four rows at once.</summary>
public class GaloisBenchmarks
{
    private readonly byte[] _source = new byte[Packets.Size];
    private readonly byte[][] _rows = [.. Enumerable.Range(0, GaloisKernel.MaxFusedRows).Select(static _ => new byte[Packets.Size])];
    private readonly byte[] _coefficients = [3, 91, 140, 255];
    private GaloisKernel _kernel = GaloisKernel.Best;

    public static IEnumerable<string> Names =>
        GaloisKernel.All.Where(static kernel => kernel.IsSupported).Select(static kernel => kernel.Name);

    [ParamsSource(nameof(Names))]
    public string Kernel { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        new Random(1).NextBytes(_source);
        _kernel = GaloisKernel.All.First(kernel => kernel.Name == Kernel);
    }

    [Benchmark]
    public void MultiplyAddFourRows() => _kernel.MultiplyAdd4(_coefficients, _source, _rows[0], _rows[1], _rows[2], _rows[3]);
}
