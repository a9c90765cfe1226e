using BenchmarkDotNet.Attributes;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol;

namespace Causeway.Benchmarks.Micro;

/// <summary>
/// Every crypt as a session uses it, with nonces, checksums and the search for datagrams that came back, on batches of datagrams of 1350 bytes. One operation is one
/// datagram; opening begins with a copy of the sealed one, some 30 ns.
/// </summary>
public class PacketProtectionBenchmarks
{
    private readonly PacketPool _pool = new();
    private PacketBuffer[] _batch = [];
    private byte[][] _sealed = [];
    private DatagramTransform _seal = null!;
    private DatagramTransform _open = null!;
    private DatagramTransform _answers = null!;

    public static IEnumerable<string> Names => KcptunCrypt.All.Select(static crypt => crypt.Name);

    [ParamsSource(nameof(Names))]
    public string Crypt { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        using KcptunKey key = new("benchmark");
        _seal = KcptunCrypt.Create(Crypt, key);
        _open = KcptunCrypt.Create(Crypt, key);
        _answers = KcptunCrypt.Create(Crypt, key);
        _open.PairWith(_answers);
        _batch = Packets.Rent(_pool);
        Seal();
        _sealed = [.. _batch.Select(static packet => packet.Payload.ToArray())];
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public void Seal()
    {
        foreach (PacketBuffer packet in _batch)
        {
            packet.Reset(PacketPool.DefaultHeadroom);
            packet.Append(Packets.Size);
        }

        _seal.Protect(_batch);
    }

    [Benchmark(OperationsPerInvoke = Packets.Batch)]
    public int Open()
    {
        for (int i = 0; i < _batch.Length; i++)
        {
            _batch[i].Reset(PacketPool.DefaultHeadroom);
            _sealed[i].CopyTo(_batch[i].Append(_sealed[i].Length));
        }

        int opened = _open.Unprotect(_batch);
        return opened == Packets.Batch ? opened : throw new InvalidOperationException($"{Crypt} opened {opened} datagrams");
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _seal.Dispose();
        _open.Dispose();
        _answers.Dispose();
    }
}
