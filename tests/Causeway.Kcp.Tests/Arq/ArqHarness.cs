using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>A sink that keeps each datagram as an array, up to a capacity.</summary>
internal sealed class ListSink(int capacity = int.MaxValue) : IPacketSink
{
    private readonly byte[] _scratch = new byte[65536];

    public List<byte[]> Datagrams { get; } = [];

    public int Capacity { get; set; } = capacity;

    public Span<byte> GetSpan(int size) => Datagrams.Count < Capacity ? _scratch.AsSpan(0, size) : default;

    public void Commit(int length) => Datagrams.Add(_scratch.AsSpan(0, length).ToArray());

    public byte[][] Take()
    {
        byte[][] taken = [.. Datagrams];
        Datagrams.Clear();
        return taken;
    }
}

/// <summary>One session with the few calls that most facts need.</summary>
internal sealed class ArqHarness : IDisposable
{
    public const uint Conversation = 0x11223344;

    public ArqHarness(
        ArqOptions? options = null,
        CongestionController? congestion = null,
        uint initialSend = 0,
        uint initialReceive = 0,
        bool track = true)
    {
        Options = options ?? new ArqOptions();
        Pool = new PacketPool(track: track, stackTraces: false);
        Session = new ArqSession(
            Conversation, Options, congestion ?? new FixedController(), Pool, initialSend, initialReceive);
    }

    public ArqOptions Options { get; }

    public PacketPool Pool { get; }

    public ArqSession Session { get; }

    public ListSink Sink { get; } = new();

    public static byte[] Segment(
        SegmentCommand command,
        uint sequence = 0,
        uint una = 0,
        uint time = 0,
        ushort window = 512,
        byte[]? data = null,
        byte fragment = 0,
        uint conversation = Conversation)
    {
        byte[] bytes = new byte[SegmentHeader.Size + (data?.Length ?? 0)];
        SegmentHeader header = new()
        {
            Conversation = conversation,
            Command = command,
            Fragment = fragment,
            Window = window,
            Time = time,
            Sequence = sequence,
            Unacknowledged = una,
            Length = (uint)(data?.Length ?? 0),
        };
        header.Write(bytes);
        data?.CopyTo(bytes, SegmentHeader.Size);
        return bytes;
    }

    public static List<(SegmentHeader Header, byte[] Data)> Parse(params byte[][] datagrams)
    {
        List<(SegmentHeader, byte[])> segments = [];
        foreach (byte[] datagram in datagrams)
        {
            for (int offset = 0; offset < datagram.Length;)
            {
                SegmentHeader header = SegmentHeader.Read(datagram.AsSpan(offset));
                offset += SegmentHeader.Size;
                segments.Add((header, datagram.AsSpan(offset, (int)header.Length).ToArray()));
                offset += (int)header.Length;
            }
        }

        return segments;
    }

    public ArqInputResult Input(Timestamp now, params byte[][] segments) => Input(now, recovered: false, segments);

    public ArqInputResult Input(Timestamp now, bool recovered, params byte[][] segments)
    {
        PacketBuffer buffer = Pool.Rent();
        foreach (byte[] segment in segments)
        {
            segment.CopyTo(buffer.Append(segment.Length));
        }

        ArqInputResult result = Session.Input(buffer, recovered, now);
        buffer.Release();
        return result;
    }

    public byte[][] Flush(Timestamp now)
    {
        ListSink sink = Sink;
        Session.Flush(ref sink, now);
        return sink.Take();
    }

    public List<(SegmentHeader Header, byte[] Data)> FlushSegments(Timestamp now) => Parse(Flush(now));

    public byte[] ReadAll()
    {
        List<byte> bytes = [];
        while (Session.TryRead(out PacketSlice slice))
        {
            bytes.AddRange(slice.Span);
            slice.Release();
        }

        return [.. bytes];
    }

    public void Dispose()
    {
        Session.Dispose();
        Pool.ThrowIfOutstanding();
    }
}
