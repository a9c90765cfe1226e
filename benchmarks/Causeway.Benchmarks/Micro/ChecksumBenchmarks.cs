using BenchmarkDotNet.Attributes;
using Causeway.Kcptun.Crypt;

namespace Causeway.Benchmarks.Micro;

/// <summary>CRC32 of 1350 bytes, by each way that this processor has.</summary>
public class ChecksumBenchmarks
{
    private readonly byte[] _packet = new byte[Packets.Size];

    [Benchmark]
    public uint Chosen() => Crc32.Compute(_packet);

    [Benchmark(Baseline = true)]
    public uint Tables() => Crc32.ComputeSliced(_packet);
}
