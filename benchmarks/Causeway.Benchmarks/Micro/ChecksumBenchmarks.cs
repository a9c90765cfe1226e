using System.IO.Hashing;
using BenchmarkDotNet.Attributes;

namespace Causeway.Benchmarks.Micro;

/// <summary>CRC32 of 1350 bytes.</summary>
public class ChecksumBenchmarks
{
    private readonly byte[] _packet = new byte[Packets.Size];

    [Benchmark]
    public uint Chosen() => Crc32.HashToUInt32(_packet);
}
