using Causeway.Kcptun.Crypt;
using Causeway.Protocol;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>Datagrams in buffers of a tracking pool, which must all be back when the batch is disposed.</summary>
internal sealed class PacketBatch : IDisposable
{
    private readonly PacketPool _pool;

    /// <param name="track">
    /// Off where the code under test has no way to release a buffer: tracking makes renting slow.
    /// </param>
    /// <param name="payloads">One for each datagram.</param>
    public PacketBatch(bool track, params IEnumerable<byte[]> payloads)
    {
        _pool = new PacketPool(track: track);
        Buffers = [.. payloads.Select(Rent)];
    }

    public PacketBatch(params IEnumerable<byte[]> payloads)
        : this(track: true, payloads)
    {
    }

    public PacketBuffer[] Buffers { get; }

    public byte[][] Payloads => [.. Buffers.Select(static buffer => buffer.Payload.ToArray())];

    public void Dispose()
    {
        foreach (PacketBuffer buffer in Buffers)
        {
            buffer.Release();
        }

        _pool.ThrowIfOutstanding();
    }

    private PacketBuffer Rent(byte[] payload)
    {
        PacketBuffer buffer = _pool.Rent();
        payload.CopyTo(buffer.Append(payload.Length));
        return buffer;
    }
}

/// <summary>Given nonces, in turn.</summary>
internal sealed class GivenNonces : NonceSource
{
    private readonly Queue<byte[]> _nonces;

    public GivenNonces(params IEnumerable<byte[]> nonces) => _nonces = new Queue<byte[]>(nonces);

    public override void Fill(Span<byte> nonce)
    {
        byte[] next = _nonces.Dequeue();
        Assert.Equal(next.Length, nonce.Length);
        next.CopyTo(nonce);
    }
}

/// <summary>Nonces that a seed determines.</summary>
internal sealed class SeededNonces : NonceSource
{
    private readonly Random _random;

    public SeededNonces(int seed) => _random = new Random(seed);

    public override void Fill(Span<byte> nonce) => _random.NextBytes(nonce);
}
