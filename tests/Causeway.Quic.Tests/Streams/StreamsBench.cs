using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Quic.Recovery;
using Causeway.Quic.Streams;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Streams;

/// <summary>Two <see cref="QuicStreams"/> whose packets go to each other as they are, without keys and congestion.</summary>
internal sealed class StreamsBench : IDisposable
{
    private const int PacketSize = 1200;

    private readonly Queue<(QuicSentPacket Packet, bool IsClient)> _unsettled = new();

    public StreamsBench(StreamLimits? client = null, StreamLimits? server = null)
    {
        StreamLimits first = client ?? new QuicSettings { Handshake = null!, Random = null!, Link = default }.Limits;
        StreamLimits second = server ?? first;
        Client = new QuicStreams(EndpointRole.Client, in first, Pool);
        Server = new QuicStreams(EndpointRole.Server, in second, Pool);
        Client.OnPeerLimits(in second);
        Server.OnPeerLimits(in first);
    }

    public PacketPool Pool { get; } = new(track: true, stackTraces: false);

    public QuicStreams Client { get; }

    public QuicStreams Server { get; }

    public Timestamp Now { get; set; } = new(1_000_000);

    /// <summary>Whether the packet of a number, counted from 0 over both directions, gets lost.</summary>
    public Func<int, bool> Loses { get; set; } = static _ => false;

    /// <summary>Packets that were made.</summary>
    public int Packets { get; private set; }

    /// <summary>What was wrong with a frame; null if nothing was.</summary>
    public QuicError? Error { get; private set; }

    /// <summary>The frames that arrived, of both directions, in order.</summary>
    public List<FrameKind> Frames { get; } = [];

    /// <summary>Offset and length of the STREAM frames that arrived with the end of their stream, of both directions, in order.</summary>
    public List<(long Offset, int Length)> Ends { get; } = [];

    /// <summary>Passes packets to and fro until nobody has anything to send.</summary>
    public void Exchange(int mostPackets = int.MaxValue)
    {
        int end = (int)Math.Min(int.MaxValue, (long)Packets + mostPackets);
        bool isAny = true;
        while (isAny && Packets < end)
        {
            isAny = Pass(Client, Server, isClient: true) | Pass(Server, Client, isClient: false);
            Settle();
            Now = Now.AddMicroseconds(1000);
        }
    }

    /// <summary>Passes one packet from one end to the other.</summary>
    public bool Pass(QuicStreams from, QuicStreams to, bool isClient)
    {
        if (!from.HasOutput)
        {
            return false;
        }

        PacketBuffer buffer = Pool.Rent(headroom: 0);
        QuicSentPacket packet = new();
        Span<byte> room = buffer.Append(PacketSize);
        int length = from.WriteControlFrames(room, packet, Now);
        length += from.WriteDataFrames(room[length..], packet);
        if (length == 0)
        {
            buffer.Release();
            return false;
        }

        buffer.Truncate(length);
        if (Loses(Packets++))
        {
            foreach (ref readonly SentFrame frame in packet.Frames)
            {
                from.OnLost(in frame);
            }
        }
        else
        {
            Deliver(buffer, to);
            _unsettled.Enqueue((packet, isClient));
        }

        buffer.Release();
        return true;
    }

    public void Settle()
    {
        while (_unsettled.TryDequeue(out (QuicSentPacket Packet, bool IsClient) one))
        {
            foreach (ref readonly SentFrame frame in one.Packet.Frames)
            {
                (one.IsClient ? Client : Server).OnAcknowledged(in frame);
            }
        }
    }

    /// <summary>Reads every event.</summary>
    public static List<StreamEvent> Events(QuicStreams streams)
    {
        List<StreamEvent> events = [];
        while (streams.TryReadEvent(out StreamEvent e))
        {
            events.Add(e);
        }

        return events;
    }

    /// <summary>Opens a stream with a source of so many bytes.</summary>
    public static QuicStream Open(QuicStreams streams, long bytes, bool isUnidirectional = false)
    {
        QuicStream stream = streams.TryOpen(isUnidirectional)!;
        Write(stream, bytes);
        return stream;
    }

    /// <summary>Gives a stream so many more bytes to send.</summary>
    public static void Write(QuicStream stream, long bytes)
    {
        stream.Source ??= new PatternSource(stream.Id);
        ((PatternSource)stream.Source).Left += bytes;
        stream.NotifyWritable();
    }

    /// <summary>Reads and checks what there is.</summary>
    public static long Read(TransportStream stream, long most = long.MaxValue)
    {
        long read = 0;
        while (read < most && stream.TryRead(out PacketSlice slice))
        {
            stream.Tag ??= new Box();
            Box place = (Box)stream.Tag;
            foreach (byte value in slice.Span)
            {
                Assert.Equal(PatternSource.At(stream.Id, place.Value++), value);
            }

            read += slice.Length;
            int length = slice.Length;
            slice.Release();
            stream.Consumed(length);
        }

        return read;
    }

    /// <summary>Every buffer is back, and no stream is left.</summary>
    public void AssertNoTrace()
    {
        Assert.Null(Error);
        Assert.Equal(0, Client.StreamCount);
        Assert.Equal(0, Server.StreamCount);
        Pool.ThrowIfOutstanding();
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        Pool.ThrowIfOutstanding();
    }

    private void Deliver(PacketBuffer buffer, QuicStreams to)
    {
        FrameReader reader = new(buffer.Payload);
        while (reader.TryRead(out Frame frame))
        {
            Frames.Add(frame.Kind);
            if (frame.Kind == FrameKind.Stream && frame.Stream.IsFin)
            {
                Ends.Add((frame.Stream.Offset, frame.Stream.Data.Length));
            }

            Error ??= frame.Kind switch
            {
                FrameKind.Stream => to.OnStream(
                    buffer,
                    PositionOf(buffer, frame.Stream.Data),
                    frame.Stream.StreamId,
                    frame.Stream.Offset,
                    frame.Stream.Data.Length,
                    frame.Stream.IsFin),
                FrameKind.ResetStream => to.OnResetStream(
                    frame.ResetStream.StreamId, frame.ResetStream.ErrorCode, frame.ResetStream.FinalSize),
                FrameKind.StopSending => to.OnStopSending(frame.StopSending.StreamId, frame.StopSending.ErrorCode),
                FrameKind.MaxStreamData => to.OnMaxStreamData(frame.StreamDataLimit.StreamId, frame.StreamDataLimit.Limit),
                FrameKind.StreamDataBlocked => to.OnStreamDataBlocked(frame.StreamDataLimit.StreamId),
                _ => null,
            };
            switch (frame.Kind)
            {
                case FrameKind.MaxData:
                    to.OnMaxData(frame.DataLimit);
                    break;
                case FrameKind.MaxStreams:
                    to.OnMaxStreams(frame.StreamCount.IsUnidirectional, frame.StreamCount.Limit);
                    break;
                case FrameKind.StreamsBlocked:
                    to.OnStreamsBlocked(frame.StreamCount.IsUnidirectional);
                    break;
            }
        }

        Assert.Equal(TransportErrorCode.NoError, reader.Error);
    }

    private static int PositionOf(PacketBuffer buffer, ReadOnlySpan<byte> data) => data.IsEmpty
        ? 0
        : (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(buffer.Payload), ref MemoryMarshal.GetReference(data));

    internal sealed class Box
    {
        public long Value { get; set; }
    }

    internal sealed class PatternSource(long id) : IStreamSource
    {
        private readonly byte[] _piece = new byte[4096];
        private long _at;

        public long Left { get; set; }

        public static byte At(long id, long offset) => (byte)SeededRandom.Mix((ulong)((id << 40) + offset));

        public ReadOnlySpan<byte> Peek()
        {
            int count = (int)Math.Min(Left, _piece.Length);
            for (int i = 0; i < count; i++)
            {
                _piece[i] = At(id, _at + i);
            }

            return _piece.AsSpan(0, count);
        }

        public void Advance(int count)
        {
            _at += count;
            Left -= count;
        }
    }
}
