using BenchmarkDotNet.Attributes;
using Causeway.Kcp.Smux;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Benchmarks.Micro;

/// <summary>Two smux sessions joined by a pipe that copies, as the reliable layer does.</summary>
public class MuxBenchmarks
{
    private readonly PacketPool _pool = new();
    private SmuxSession _client = null!;
    private SmuxSession _server = null!;
    private MuxPipe _up = null!;
    private MuxPipe _down = null!;
    private TransportStream _stream = null!;
    private EndlessSource _source = null!;
    private readonly Timestamp _now = Timestamp.FromMilliseconds(1);

    [GlobalSetup]
    public void Setup()
    {
        SmuxOptions options = new();
        _client = new SmuxSession(EndpointRole.Client, options, _pool, _now);
        _server = new SmuxSession(EndpointRole.Server, options, _pool, _now);
        _up = new MuxPipe(_pool);
        _down = new MuxPipe(_pool);
        _source = new EndlessSource(options.MaxFrameSize);
        _stream = _client.TryOpen(_now)!;
        _stream.Source = _source;
        Exchange();
    }

    /// <summary>A frame of 8 KB from one end to the reader at the other, window updates included.</summary>
    [Benchmark]
    public long TransferFrame()
    {
        _source.Left = 8192;
        _stream.NotifyWritable();
        long read = Exchange();
        return read == 8192 ? read : throw new InvalidOperationException($"{read} bytes were read");
    }

    /// <summary>A stream opened, accepted and closed from both ends.</summary>
    [Benchmark]
    public void OpenAndClose()
    {
        TransportStream stream = _client.TryOpen(_now)!;
        Exchange();
        stream.Close();
        Exchange();
        if (_client.StreamCount != 1)
        {
            throw new InvalidOperationException($"{_client.StreamCount} streams are left");
        }
    }

    private long Exchange()
    {
        _client.Flush(_up, _now);
        _up.MoveTo(_server, _now);
        long read = ReadAll(_server);
        _server.Flush(_down, _now);
        _down.MoveTo(_client, _now);
        ReadAll(_client);
        return read;
    }

    private static long ReadAll(SmuxSession session)
    {
        long read = 0;
        while (session.TryReadEvent(out StreamEvent e))
        {
            if (e.Kind == StreamEventKind.Readable)
            {
                while (e.Stream!.TryRead(out PacketSlice slice))
                {
                    int length = slice.Length;
                    slice.Release();
                    e.Stream.Consumed(length);
                    read += length;
                }
            }
            else if (e.Kind == StreamEventKind.ReadsFinished)
            {
                e.Stream!.Close();
            }
        }

        return read;
    }

    /// <summary>Puts what is written into buffers of a segment's size.</summary>
    private sealed class MuxPipe(PacketPool pool) : ISmuxOutput
    {
        private const int SegmentSize = 1326;

        private readonly List<PacketBuffer> _segments = [];

        public int Capacity => 1 << 20;

        public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
        {
            Add(header);
            Add(payload);
        }

        public void MoveTo(SmuxSession session, Timestamp now)
        {
            foreach (PacketBuffer segment in _segments)
            {
                PacketSlice slice = segment.Slice();
                segment.Release();
                session.Input(slice, now);
            }

            _segments.Clear();
        }

        private void Add(ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_segments.Count == 0 || _segments[^1].Length == SegmentSize)
                {
                    _segments.Add(pool.Rent());
                }

                PacketBuffer last = _segments[^1];
                int count = Math.Min(bytes.Length, SegmentSize - last.Length);
                bytes[..count].CopyTo(last.Append(count));
                bytes = bytes[count..];
            }
        }
    }
}
