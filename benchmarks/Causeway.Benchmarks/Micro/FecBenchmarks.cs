using BenchmarkDotNet.Attributes;
using Causeway.Kcp.Fec;
using Causeway.Protocol;

namespace Causeway.Benchmarks.Micro;

/// <summary>Groups of datagrams through the encoder, and through encoder and decoder. One operation is one group.</summary>
public class FecBenchmarks
{
    private readonly PacketPool _pool = new();
    private readonly List<PacketBuffer> _group = [];
    private readonly byte[] _payload = new byte[Packets.Size - FecEncoder.HeaderSize];
    private FecEncoder _encoder = null!;
    private FecDecoder _decoder = null!;
    private Timestamp _now = Timestamp.FromMilliseconds(1);
    private int _data;
    private int _parity;

    [Params("10+3", "20+10")]
    public string Shards { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        int[] shards = [.. Shards.Split('+').Select(static text => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture))];
        (_data, _parity) = (shards[0], shards[1]);
        _encoder = new FecEncoder(_data, _parity, _pool);
        _decoder = new FecDecoder(_data, _parity, _pool);
        new Random(1).NextBytes(_payload);

        // The decoder repairs nothing before it has seen for itself how large groups are.
        for (int i = 0; i < 100; i++)
        {
            EncodeAndDecode(lost: 0);
        }
    }

    [Benchmark(Baseline = true)]
    public void Encode()
    {
        MakeGroup();
        ReleaseGroup();
    }

    [Benchmark]
    public void EncodeDecodeNoLoss() => EncodeAndDecode(lost: 0);

    [Benchmark]
    public void EncodeRepairOne() => EncodeAndDecode(lost: 1);

    [Benchmark]
    public void EncodeRepairAll() => EncodeAndDecode(lost: _parity);

    private void EncodeAndDecode(int lost)
    {
        MakeGroup();
        int repaired = 0;
        for (int i = lost; i < _group.Count; i++)
        {
            _decoder.Add(_group[i]);
            while (_decoder.TryTakeRecovered(out PacketBuffer? recovered))
            {
                recovered.Release();
                repaired++;
            }
        }

        ReleaseGroup();
        if (repaired != lost)
        {
            throw new InvalidOperationException($"{repaired} of {lost} datagrams were repaired");
        }
    }

    private void MakeGroup()
    {
        _now = _now.AddMicroseconds(100);
        for (int i = 0; i < _data; i++)
        {
            PacketBuffer datagram = _pool.Rent();
            _payload.CopyTo(datagram.Append(_payload.Length));
            int parity = _encoder.Encode(datagram, _now);
            _group.Add(datagram);
            for (int j = 0; j < parity; j++)
            {
                _group.Add(_encoder.TakeParity(j));
            }
        }
    }

    private void ReleaseGroup()
    {
        foreach (PacketBuffer datagram in _group)
        {
            datagram.Release();
        }

        _group.Clear();
    }
}
