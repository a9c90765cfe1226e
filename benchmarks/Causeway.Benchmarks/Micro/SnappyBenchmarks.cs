using BenchmarkDotNet.Attributes;
using Causeway.Kcptun.Compression;
using Causeway.Protocol;

namespace Causeway.Benchmarks.Micro;

/// <summary>Compression of smux frames of 8 KB. One operation is one frame.</summary>
public class SnappyBenchmarks
{
    private const int FrameSize = 8192;
    private const int SliceSize = 1326;

    private readonly PacketPool _pool = new();
    private readonly byte[] _header = new byte[8];
    private byte[] _payload = [];
    private byte[] _encoded = [];
    private SnappyCodec _encoder = null!;
    private SnappyCodec _decoder = null!;

    [Params("text", "random")]
    public string Content { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        _payload = new byte[FrameSize];
        if (Content == "random")
        {
            random.NextBytes(_payload);
        }
        else
        {
            string[] words = ["the ", "link ", "loses ", "packets", ", and ", "repairs ", "them ", "without ", "waiting.\r\n"];
            string text = string.Concat(Enumerable.Range(0, FrameSize).Select(_ => words[random.Next(words.Length)]));
            System.Text.Encoding.ASCII.GetBytes(text.AsSpan(0, FrameSize), _payload);
        }

        _encoder = new SnappyCodec(_pool);
        _decoder = new SnappyCodec(_pool);

        // The first one carries the stream's identifier; all others are alike.
        Feed(_encoder.Encode(_header, _payload));
        _encoded = _encoder.Encode(_header, _payload).ToArray();
    }

    [Benchmark]
    public int Encode() => _encoder.Encode(_header, _payload).Length;

    [Benchmark]
    public int Decode()
    {
        int length = Feed(_encoded);
        return length == _header.Length + FrameSize ? length : throw new InvalidOperationException($"{length} bytes were decoded");
    }

    private int Feed(ReadOnlySpan<byte> encoded)
    {
        int length = 0;
        while (!encoded.IsEmpty)
        {
            int count = Math.Min(SliceSize, encoded.Length);
            PacketBuffer buffer = _pool.Rent();
            encoded[..count].CopyTo(buffer.Append(count));
            PacketSlice slice = buffer.Slice();
            buffer.Release();
            _decoder.Input(slice);
            encoded = encoded[count..];
            while (_decoder.TryRead(out PacketSlice decoded))
            {
                length += decoded.Length;
                decoded.Release();
            }
        }

        return length;
    }
}
