using BenchmarkDotNet.Attributes;
using Causeway.Kcp;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Smux;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Benchmarks.Micro;

/// <summary>
/// Two whole sessions with all layers but the socket, in one thread: the CPU that the library itself takes for both ends of a
/// transfer. One operation is one megabyte, so that 1 ms is 1 second per gigabyte.
/// </summary>
public class SessionPairBenchmarks
{
    private const int BytesPerOperation = 1_000_000;

    private readonly PacketPool _pool = new();
    private readonly PacketBatch _batch = new(Packets.Batch);

    // Parity may take a batch beyond its limit.
    private readonly PacketBuffer[] _arrived = new PacketBuffer[2 * Packets.Batch];

    private readonly EndlessSource _source = new(64 * 1024);
    private KcptunProfile _profile = null!;
    private SessionEnd _client = null!;
    private SessionEnd _server = null!;
    private TransportStream _stream = null!;
    private Timestamp _now = Timestamp.FromMilliseconds(1);

    [Params("none 0+0", "aes 0+0", "aes 10+3", "aes-128-gcm 0+0", "salsa20 0+0")]
    public string Settings { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        string[] words = Settings.Split(' ', '+');
        _profile = new KcptunProfile(new KcptunClientConfig
        {
            Crypt = words[0],
            DataShards = words[1] == "0" ? 0 : 10,
            ParityShards = words[2] == "0" ? 0 : 3,
            NoCompression = true,
            SendWindow = 2048,
            ReceiveWindow = 2048,
        }.Validated());
        _client = new SessionEnd(EndpointRole.Client, _profile.Transport, _pool, _now);
        _server = new SessionEnd(EndpointRole.Server, _profile.Transport, _pool, _now);
        _stream = _client.Session.Streams.TryOpen(_now)!;
        _stream.Source = _source;
    }

    [Benchmark]
    public long Transfer()
    {
        _source.Left = BytesPerOperation;
        _stream.NotifyWritable();
        long read = 0;
        for (int turn = 0; read < BytesPerOperation; turn++)
        {
            if (turn == 1_000_000)
            {
                throw new InvalidOperationException($"{read} bytes came in {turn} turns");
            }

            _now = _now.AddMicroseconds(20);
            Move(_client, _server);
            read += _server.ReadAll(_now);
            Move(_server, _client);
            _client.ReadAll(_now);
        }

        return read;
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _client.Dispose();
        _server.Dispose();
        _profile.Dispose();
    }

    private void Move(SessionEnd from, SessionEnd to)
    {
        bool more = true;
        while (more)
        {
            more = from.Session.Flush(_batch, default, _now);
            if (_batch.Count == 0)
            {
                return;
            }

            from.Seal?.Protect(_batch.Span);
            _batch.Span.CopyTo(_arrived);
            Span<PacketBuffer> arrived = _arrived.AsSpan(0, _batch.Count);
            int opened = to.Open?.Unprotect(arrived) ?? arrived.Length;
            foreach (PacketBuffer datagram in arrived[..opened])
            {
                to.Session.Input(datagram, _now);
            }

            _batch.ReleaseAll();
        }
    }

    /// <summary>A session and its packet protection.</summary>
    private sealed class SessionEnd : IDisposable
    {
        public SessionEnd(EndpointRole role, KcpProfile profile, PacketPool pool, Timestamp now)
        {
            Seal = profile.PacketProtection?.Invoke();
            Open = profile.PacketProtection?.Invoke();
            int headroom = Seal?.Headroom ?? 0;
            int tailroom = Seal?.Tailroom ?? 0;
            Session = new KcpSession(
                0x11223344, role, profile, profile.Mtu - headroom - tailroom, headroom, tailroom, pool, now);
        }

        public KcpSession Session { get; }

        public DatagramTransform? Seal { get; }

        public DatagramTransform? Open { get; }

        public long ReadAll(Timestamp now)
        {
            long read = 0;
            Session.Deliver(now);
            while (Session.Streams.TryReadEvent(out StreamEvent e))
            {
                while (e.Kind == StreamEventKind.Readable && e.Stream!.TryRead(out PacketSlice slice))
                {
                    int length = slice.Length;
                    slice.Release();
                    e.Stream.Consumed(length);
                    read += length;
                }
            }

            return read;
        }

        public void Dispose()
        {
            Session.Dispose();
            Seal?.Dispose();
            Open?.Dispose();
        }
    }
}
