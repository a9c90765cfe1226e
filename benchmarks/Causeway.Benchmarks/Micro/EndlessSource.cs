using Causeway.Kcp.Smux;
using Causeway.Protocol.Streams;

namespace Causeway.Benchmarks.Micro;

/// <summary>So many bytes to send, out of one array.</summary>
internal sealed class EndlessSource(int piece) : IStreamSource
{
    private readonly byte[] _bytes = new byte[piece];

    public long Left { get; set; }

    public ReadOnlySpan<byte> Peek() => _bytes.AsSpan(0, (int)Math.Min(Left, _bytes.Length));

    public void Advance(int count) => Left -= count;
}
