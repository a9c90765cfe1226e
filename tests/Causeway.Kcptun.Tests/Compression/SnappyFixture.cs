using Causeway.Kcptun.Compression;
using Causeway.Protocol;

namespace Causeway.Kcptun.Tests.Compression;

/// <summary>A codec over tracking pools, fed in pieces; disposing it fails if a buffer was not returned.</summary>
internal sealed class SnappyFixture : IDisposable
{
    private readonly PacketPool _arriving;
    private readonly PacketPool _decoded;

    /// <param name="track">Tracking costs a stack trace for each buffer: rounds of a property may do without.</param>
    public SnappyFixture(bool track = true)
    {
        _arriving = new PacketPool(track: track);
        _decoded = new PacketPool(track: track);
        Codec = new SnappyCodec(_decoded);
    }

    public SnappyCodec Codec { get; }

    public int OutstandingArrived => _arriving.Outstanding;

    /// <summary>Feeds a stream in slices of the given lengths, repeated, and returns what was decoded.</summary>
    public byte[] Decode(ReadOnlySpan<byte> stream, params ReadOnlySpan<int> cuts)
    {
        List<byte> decoded = [];
        for (int i = 0; stream.Length > 0; i++)
        {
            int length = Math.Min(stream.Length, cuts.Length == 0 ? 1350 : cuts[i % cuts.Length]);
            Codec.Input(Slice(stream[..length]));
            stream = stream[length..];
            Drain(decoded);
        }

        return [.. decoded];
    }

    public PacketSlice Slice(ReadOnlySpan<byte> bytes)
    {
        PacketBuffer buffer = _arriving.Rent();
        bytes.CopyTo(buffer.Append(bytes.Length));
        PacketSlice slice = buffer.Slice();
        buffer.Release();
        return slice;
    }

    public void Drain(List<byte> decoded)
    {
        while (Codec.TryRead(out PacketSlice slice))
        {
            decoded.AddRange(slice.Span);
            slice.Release();
        }
    }

    public void Dispose()
    {
        Codec.Dispose();
        _arriving.ThrowIfOutstanding();
        _decoded.ThrowIfOutstanding();
    }
}
