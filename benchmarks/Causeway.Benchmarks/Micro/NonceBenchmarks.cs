using BenchmarkDotNet.Attributes;
using Causeway.Kcptun.Crypt;

namespace Causeway.Benchmarks.Micro;

/// <summary>
/// What it costs to make the nonce of a datagram, and to see that an arriving one is not this end's own: in full groups, and one
/// alone, as an acknowledgement often arrives. One operation is one nonce.
/// </summary>
public class NonceBenchmarks
{
    private readonly byte[] _group = new byte[NonceRecogniser.Group * 16];
    private NonceMaker _maker = null!;
    private NonceRecogniser _recogniser = null!;
    private byte[] _nonces = [];
    private byte[] _one = [];

    /// <summary>Of 8-byte blocks and salsa20, of gcm, and of 16-byte blocks.</summary>
    [Params(8, 12, 16)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _maker = new NonceMaker(Length);
        _recogniser = _maker.CreateRecogniser();
        using NonceMaker peer = new(Length);
        _nonces = _group[..(NonceRecogniser.Group * Length)];
        for (int at = 0; at < _nonces.Length; at += Length)
        {
            peer.Next(_nonces.AsSpan(at, Length));
        }

        _one = _nonces[..Length];
    }

    [Benchmark]
    public void Make() => _maker.Next(_group.AsSpan(0, Length));

    [Benchmark(OperationsPerInvoke = NonceRecogniser.Group)]
    public uint Recognise() => _recogniser.FindOwn(_nonces);

    [Benchmark]
    public uint RecogniseOne() => _recogniser.FindOwn(_one);

    [GlobalCleanup]
    public void Cleanup()
    {
        _maker.Dispose();
        _recogniser.Dispose();
    }
}
