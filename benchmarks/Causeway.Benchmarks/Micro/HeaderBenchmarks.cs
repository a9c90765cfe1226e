using BenchmarkDotNet.Attributes;
using Causeway.Kcp.Wire;

namespace Causeway.Benchmarks.Micro;

/// <summary>The codecs of headers. One operation is one header.</summary>
public class HeaderBenchmarks
{
    private const int Count = 64;

    private readonly byte[] _bytes = new byte[Count * SegmentHeader.Size];

    [GlobalSetup]
    public void Setup()
    {
        WriteSegment();
        WriteSmux();
        WriteSegment();
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint ReadSegment()
    {
        uint sum = 0;
        for (int i = 0; i < Count; i++)
        {
            SegmentHeader header = SegmentHeader.Read(_bytes.AsSpan(i * SegmentHeader.Size));
            sum += header.Sequence + header.Length + header.Window + header.Unacknowledged;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void WriteSegment()
    {
        for (uint i = 0; i < Count; i++)
        {
            new SegmentHeader
            {
                Conversation = 0x11223344,
                Command = SegmentCommand.Push,
                Window = 1024,
                Time = i,
                Sequence = i,
                Unacknowledged = i,
                Length = 1326,
            }.Write(_bytes.AsSpan((int)i * SegmentHeader.Size));
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint ReadFirstSegment()
    {
        uint sum = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += KcpDatagram.TryReadFirstSegment(_bytes.AsSpan(i * SegmentHeader.Size), out SegmentHeader segment)
                ? segment.Conversation + segment.Sequence
                : 0;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int ReadSmux()
    {
        int sum = 0;
        for (int i = 0; i < Count; i++)
        {
            SmuxFrame frame = SmuxFrame.Read(_bytes.AsSpan(i * SmuxFrame.HeaderSize));
            sum += frame.Length + (int)frame.Check(version: 2);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public void WriteSmux()
    {
        for (uint i = 0; i < Count; i++)
        {
            new SmuxFrame(2, SmuxCommand.Psh, 8192, i).Write(_bytes.AsSpan((int)i * SmuxFrame.HeaderSize));
        }
    }
}
