using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>A frame as it was written.</summary>
internal sealed record SentFrame(SmuxFrame Header, byte[] Payload)
{
    public override string ToString() => $"{Header.Command} {Header.StreamId} +{Header.Length}";
}

/// <summary>Keeps the frames that a session writes.</summary>
internal sealed class RecordingOutput : ISmuxOutput
{
    public int Capacity { get; set; } = int.MaxValue;

    public List<SentFrame> Frames { get; } = [];

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Assert.True(Capacity > 0, "wrote to a full pipe");
        SmuxFrame frame = SmuxFrame.Read(header);
        Assert.Equal(frame.Length, payload.Length);
        Frames.Add(new SentFrame(frame, payload.ToArray()));
        Capacity -= header.Length + payload.Length;
    }

    public List<SentFrame> Take()
    {
        List<SentFrame> frames = [.. Frames];
        Frames.Clear();
        return frames;
    }
}

/// <summary>Bytes to send that lie in one piece.</summary>
internal sealed class ArraySource : IStreamSource
{
    private byte[] _bytes = [];
    private int _offset;

    public int Left => _bytes.Length - _offset;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        _bytes = [.. _bytes.AsSpan(_offset), .. bytes];
        _offset = 0;
    }

    public ReadOnlySpan<byte> Peek() => _bytes.AsSpan(_offset);

    public void Advance(int count) => _offset += count;
}

/// <summary>A source that never runs dry, in pieces of one size.</summary>
internal sealed class EndlessSource(int piece) : IStreamSource
{
    private readonly byte[] _bytes = new byte[piece];

    public long Taken { get; private set; }

    public ReadOnlySpan<byte> Peek() => _bytes;

    public void Advance(int count) => Taken += count;
}

/// <summary>An ordered byte pipe in memory that delivers what was written in pieces.</summary>
internal sealed class BytePipe(PacketPool pool, int limit) : ISmuxOutput, IDisposable
{
    private byte[] _bytes = new byte[1024];
    private int _first;
    private PacketSlice _arrived;

    public int Count { get; private set; }

    public int Capacity => limit - Count;

    public void Dispose() => _arrived.Release();

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Assert.True(Capacity > 0, "wrote to a full pipe");
        Append(header);
        Append(payload);
    }

    /// <summary>Gives one piece of at most <paramref name="most"/> bytes to the session.</summary>
    public bool Deliver(SmuxSession to, int most, Timestamp now)
    {
        if ((Count == 0 && _arrived.IsDefault) || !to.CanReceive)
        {
            return false;
        }

        if (_arrived.IsDefault)
        {
            PacketBuffer buffer = pool.Rent(headroom: 0);
            int length = Math.Min(Count, buffer.Tailroom);
            _bytes.AsSpan(_first, length).CopyTo(buffer.Append(length));
            _first += length;
            Count -= length;
            _arrived = buffer.Slice();
            buffer.Release();
        }

        PacketSlice piece = _arrived;
        if (most < _arrived.Length)
        {
            piece = _arrived.Share(0, most);
            _arrived = _arrived.Skip(most);
        }
        else
        {
            _arrived = default;
        }

        to.Input(piece, now);
        return true;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_first + Count + bytes.Length > _bytes.Length)
        {
            byte[] target = Count + bytes.Length > _bytes.Length ? new byte[(Count + bytes.Length) * 2] : _bytes;
            _bytes.AsSpan(_first, Count).CopyTo(target);
            _bytes = target;
            _first = 0;
        }

        bytes.CopyTo(_bytes.AsSpan(_first + Count));
        Count += bytes.Length;
    }
}

/// <summary>Two sessions and the pipes between them, in virtual time.</summary>
internal sealed class MuxPair : IDisposable
{
    private readonly Random _random;
    private readonly int _largestPiece;

    public MuxPair(
        SmuxOptions? client = null,
        SmuxOptions? server = null,
        int seed = 1,
        int pipe = 1 << 20,
        int largestPiece = 2048,
        uint firstCounter = 0)
    {
        _random = new Random(seed);
        _largestPiece = largestPiece;
        SmuxOptions options = client ?? new SmuxOptions();
        Client = new SmuxSession(EndpointRole.Client, options, Pool, Now) { FirstCounter = firstCounter };
        Server = new SmuxSession(EndpointRole.Server, server ?? options, Pool, Now) { FirstCounter = firstCounter };
        ToServer = new BytePipe(Pool, pipe);
        ToClient = new BytePipe(Pool, pipe);
    }

    public PacketPool Pool { get; } = new(16384, track: true);

    public SmuxSession Client { get; }

    public SmuxSession Server { get; }

    public BytePipe ToServer { get; }

    public BytePipe ToClient { get; }

    public Timestamp Now { get; set; }

    /// <summary>One turn of both ends: flush, and deliver what the pipes hold.</summary>
    public void Step()
    {
        Client.Flush(ToServer, Now);
        Server.Flush(ToClient, Now);
        while (ToServer.Deliver(Server, Piece(), Now) | ToClient.Deliver(Client, Piece(), Now))
        {
        }
    }

    public void Step(int times)
    {
        for (int i = 0; i < times; i++)
        {
            Step();
        }
    }

    /// <summary>Opens a stream of the client and returns both ends of it.</summary>
    public (TransportStream Client, TransportStream Server) Open()
    {
        TransportStream ours = Client.TryOpen(Now)!;
        ours.Source = new ArraySource();
        Step();
        TransportStream theirs = Server.Events().First(e => e.Kind == StreamEventKind.Accepted && e.Stream!.Id == ours.Id).Stream!;
        theirs.Source = new ArraySource();
        return (ours, theirs);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        ToServer.Dispose();
        ToClient.Dispose();
        Pool.ThrowIfOutstanding();
    }

    private int Piece() => _random.Next(1, _largestPiece + 1);
}

internal static class MuxTestExtensions
{
    public static List<StreamEvent> Events(this SmuxSession session)
    {
        List<StreamEvent> events = [];
        while (session.TryReadEvent(out StreamEvent e))
        {
            events.Add(e);
        }

        return events;
    }

    public static List<StreamEventKind> Kinds(this SmuxSession session) => [.. session.Events().Select(static e => e.Kind)];

    public static void Send(this TransportStream stream, ReadOnlySpan<byte> bytes)
    {
        ((ArraySource)stream.Source!).Add(bytes);
        stream.NotifyWritable();
    }

    /// <summary>Reads and consumes everything that waits.</summary>
    public static byte[] ReadAll(this TransportStream stream)
    {
        List<byte> bytes = [];
        while (stream.TryRead(out PacketSlice slice))
        {
            bytes.AddRange(slice.Span);
            stream.Consumed(slice.Length);
            slice.Release();
        }

        return [.. bytes];
    }

    /// <summary>Gives bytes to a session, in buffers of the pool.</summary>
    public static void Receive(this SmuxSession session, PacketPool pool, ReadOnlySpan<byte> bytes, Timestamp now = default)
    {
        while (!bytes.IsEmpty)
        {
            PacketBuffer buffer = pool.Rent(headroom: 0);
            int count = Math.Min(bytes.Length, buffer.Tailroom);
            bytes[..count].CopyTo(buffer.Append(count));
            PacketSlice slice = buffer.Slice();
            buffer.Release();
            session.Input(slice, now);
            bytes = bytes[count..];
        }
    }

    /// <summary>The bytes of a frame.</summary>
    public static byte[] Frame(int version, SmuxCommand command, uint id, ReadOnlySpan<byte> payload = default)
    {
        byte[] bytes = new byte[SmuxFrame.HeaderSize + payload.Length];
        new SmuxFrame((byte)version, command, (ushort)payload.Length, id).Write(bytes);
        payload.CopyTo(bytes.AsSpan(SmuxFrame.HeaderSize));
        return bytes;
    }

    /// <summary>The bytes of an UPD frame.</summary>
    public static byte[] Update(uint id, uint consumed, uint window)
    {
        byte[] payload = new byte[SmuxWindowUpdate.Size];
        new SmuxWindowUpdate(consumed, window).Write(payload);
        return Frame(2, SmuxCommand.Upd, id, payload);
    }
}
