using BenchmarkDotNet.Attributes;
using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Benchmarks.Micro;

/// <summary>
/// The reliable layer at each end with a full window under way. One operation is one segment; its cost must not grow with the
/// window.
/// </summary>
public class ArqBenchmarks
{
    private const int Turn = 16;
    private const uint Conversation = 0x11223344;
    private const int SegmentSize = 1326;

    private readonly PacketPool _pool = new();
    private readonly byte[] _payload = new byte[SegmentSize];
    private ArqSession _sender = null!;
    private ArqSession _receiver = null!;
    private PacketBuffer _datagram = null!;
    private Timestamp _now;
    private uint _acknowledged;
    private uint _received;

    [Params(32, 1024, 32768)]
    public int Window { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        ArqOptions options = new() { SendWindow = Window, ReceiveWindow = Window };
        _sender = new ArqSession(Conversation, options, new FixedController(), _pool);
        _receiver = new ArqSession(Conversation, options, new FixedController(), _pool);
        _datagram = _pool.Rent();
        _now = Timestamp.FromMilliseconds(1);
        Input(_sender, SegmentCommand.WindowReport, 0, 0, 0);
        for (int i = 0; i < Window; i++)
        {
            _sender.Write(_payload);
            Flush(_sender);
            _now = _now.AddMicroseconds(1);
        }
    }

    /// <summary>The sender takes acknowledgements of the oldest segments and sends as many new ones.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public void AcknowledgedAndSent()
    {
        _now = _now.AddMicroseconds(Turn);
        for (int i = 0; i < Turn; i++)
        {
            uint sentAt = (uint)(_now.Microseconds - Window);
            Input(_sender, SegmentCommand.Ack, _acknowledged, _acknowledged + 1, sentAt);
            _acknowledged++;
            _sender.Write(_payload);
        }

        if (Flush(_sender) != Turn)
        {
            throw new InvalidOperationException("the sender did not keep its window full");
        }
    }

    /// <summary>The receiver takes segments in order, hands them on and acknowledges them.</summary>
    [Benchmark(OperationsPerInvoke = Turn)]
    public void ReceivedAndAcknowledged()
    {
        _now = _now.AddMicroseconds(Turn);
        for (int i = 0; i < Turn; i++)
        {
            // Read slices keep the buffer, as they do in a session.
            PacketBuffer datagram = _pool.Rent();
            Write(datagram, SegmentCommand.Push, _received, 0, (uint)_now.Microseconds, SegmentSize);
            datagram.Append(SegmentSize);
            _receiver.Input(datagram, recovered: false, _now);
            datagram.Release();
            _received++;
        }

        int read = 0;
        while (_receiver.TryRead(out PacketSlice slice))
        {
            slice.Release();
            read++;
        }

        Flush(_receiver);
        if (read != Turn)
        {
            throw new InvalidOperationException($"{read} segments were read");
        }
    }

    private static void Write(
        PacketBuffer datagram, SegmentCommand command, uint sequence, uint unacknowledged, uint time, int length) =>
        new SegmentHeader
        {
            Conversation = Conversation,
            Command = command,
            Window = ushort.MaxValue,
            Sequence = sequence,
            Unacknowledged = unacknowledged,
            Time = time,
            Length = (uint)length,
        }.Write(datagram.Append(SegmentHeader.Size));

    private void Input(ArqSession session, SegmentCommand command, uint sequence, uint unacknowledged, uint time)
    {
        _datagram.Reset(0);
        Write(_datagram, command, sequence, unacknowledged, time, 0);
        session.Input(_datagram, recovered: false, _now);
    }

    private int Flush(ArqSession session)
    {
        CountingSink sink = new(_pool);
        session.Flush(ref sink, _now);
        return sink.Finish();
    }

    private ref struct CountingSink(PacketPool pool) : IPacketSink
    {
        private readonly PacketBuffer _buffer = pool.Rent();
        private int _count;

        public readonly Span<byte> GetSpan(int size)
        {
            _buffer.Truncate(0);
            return _buffer.Append(size);
        }

        public void Commit(int length) => _count++;

        public readonly int Finish()
        {
            _buffer.Release();
            return _count;
        }
    }
}
