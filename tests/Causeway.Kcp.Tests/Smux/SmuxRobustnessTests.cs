using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Smux;

/// <summary>What a hostile peer cannot do, and what the hot paths may not.</summary>
public sealed class SmuxRobustnessTests
{
    // In each of the three cases; a tracking pool makes them expensive.
    private const int Inputs = 34_000;

    [Theory]
    [InlineData(11, 1, EndpointRole.Server)]
    [InlineData(12, 2, EndpointRole.Server)]
    [InlineData(13, 2, EndpointRole.Client)]
    public void MutatedFramesNeitherThrowNorGrowMemory(int seed, int version, EndpointRole role)
    {
        Random random = new(seed);
        PacketPool pool = new(65536, track: true);
        SmuxOptions options = new()
        {
            Version = version,
            ReceiveBuffer = 40000,
            StreamBuffer = 10000,
            MaxStreams = 20,
            AcceptBacklog = 5,
        };
        PacketBuffer block = pool.Rent(headroom: 0);
        FillWithFrames(block.Append(block.Tailroom), version, random);
        SmuxSession? session = null;
        List<TransportStream> streams = [];
        RecordingOutput output = new();
        Timestamp now = default;
        int failures = 0;
        try
        {
            int offset = 0;
            for (int i = 0; i < Inputs; i++)
            {
                if (session is null || session.Failure is not null || random.Next(5000) == 0)
                {
                    failures += session?.Failure is null ? 0 : 1;
                    session?.Dispose();
                    session = new SmuxSession(role, options, pool, now);
                    streams.Clear();
                    offset = FrameBoundary(block.Payload, version, random);
                }

                if (session.CanReceive)
                {
                    int count = Math.Min(random.Next(1, 300), block.Length - offset);
                    session.Input(block.Slice(offset, count), now);
                    offset += count;
                    offset = offset == block.Length ? FrameBoundary(block.Payload, version, random) : offset;
                }

                Act(session, streams, output, random, now);
                now = now.AddMicroseconds(random.Next(2000));
                Assert.InRange(session.StreamCount, 0, options.MaxStreams);
                Assert.InRange(session.Memory.Tokens, -300, options.ReceiveLimit);
                Assert.InRange(session.Memory.Held, 0, (1 << 20) + 65536);
            }
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"seed {seed}: {e}");
        }

        Assert.True(failures > 50, "the fuzzer breaks no protocol any more");
        session!.Dispose();
        block.Release();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(1, 1200)]
    [InlineData(2, 1200)]
    [InlineData(2, 100)]
    public void NothingIsAllocatedOnceItRuns(int version, int piece)
    {
        PacketPool pool = new();
        SmuxOptions options = new() { Version = version, StreamBuffer = 100000 };
        using SmuxSession client = new(EndpointRole.Client, options, pool, default);
        using SmuxSession server = new(EndpointRole.Server, options, pool, default);
        using BytePipe toServer = new(pool, 20000);
        using BytePipe toClient = new(pool, 20000);
        for (int i = 0; i < 3; i++)
        {
            TransportStream stream = client.TryOpen(default)!;
            stream.Source = new EndlessSource(piece);
            stream.NotifyWritable();
        }

        Run(2_000);
        Assert.Equal(0, Allocation.Least(passes: 5, () => Run(10_000)));
        Assert.True(server.Statistics.FramesReceived >= 12_000);

        void Run(long more)
        {
            long frames = client.Statistics.FramesSent + more;
            while (client.Statistics.FramesSent < frames)
            {
                client.Flush(toServer, default);
                while (toServer.Deliver(server, 1350, default))
                {
                    while (server.TryReadEvent(out StreamEvent e))
                    {
                        while (e.Kind == StreamEventKind.Readable && e.Stream!.TryRead(out PacketSlice slice))
                        {
                            e.Stream.Consumed(slice.Length);
                            slice.Release();
                        }
                    }
                }

                server.Flush(toClient, default);
                while (toClient.Deliver(client, 1350, default))
                {
                }
            }
        }
    }

    [Fact]
    public void SmallPayloadsDoNotPinLargeBlocks()
    {
        PacketPool blocks = new(65536, track: true);
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { ReceiveBuffer = 1 << 20, StreamBuffer = 1 << 20, HalfCloseExtension = false };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        for (uint id = 3; id < 203; id += 2)
        {
            session.Receive(blocks, [.. Frame(SmuxCommand.Syn, id), .. Frame(SmuxCommand.Psh, id, new byte[300])]);
            session.Events();
        }

        // Sparse slices are passed on in place up to the size of the receive buffer, and copied beyond.
        Assert.Equal(options.ReceiveBuffer / 65536, blocks.Outstanding);
        Assert.Equal(100 - blocks.Outstanding, pool.Outstanding);
        Assert.Equal((100L - blocks.Outstanding) * 300, session.Statistics.BytesCopied);
        session.Dispose();
        blocks.ThrowIfOutstanding();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ManyStreamsWithTinyPayloadsStopTheSessionBeforeTheyExhaustMemory()
    {
        PacketPool pool = new();
        SmuxOptions options = new() { ReceiveBuffer = 4 << 20, StreamBuffer = 2 << 20, HalfCloseExtension = false, AcceptBacklog = 65536 };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        uint id = 3;
        for (; session.CanReceive; id += 2)
        {
            session.Receive(pool, [.. Frame(SmuxCommand.Syn, id), .. Frame(SmuxCommand.Psh, id, "tiny"u8)]);
        }

        Assert.InRange(session.Memory.Held, 2L * options.ReceiveLimit, (2L * options.ReceiveLimit) + 4096);
        foreach (StreamEvent e in session.Events().Where(static e => e.Kind == StreamEventKind.Readable))
        {
            Assert.Equal("tiny"u8, e.Stream!.ReadAll());
        }

        Assert.True(session.CanReceive);
        Assert.Equal(0, session.Memory.Held);
    }

    [Fact]
    public void TinyFramesOfAStreamAreReadAsOne()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { HalfCloseExtension = false };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        using BytePipe pipe = new(pool, int.MaxValue);
        pipe.Write(Frame(SmuxCommand.Syn, 3), []);
        for (int i = 0; i < 5000; i++)
        {
            pipe.Write(Frame(SmuxCommand.Psh, 3, [(byte)i]), []);
        }

        while (pipe.Deliver(session, 2048, default))
        {
        }

        Assert.Equal(3, pool.Outstanding);
        TransportStream stream = session.Events()[0].Stream!;
        Assert.True(stream.TryRead(out PacketSlice slice));
        Assert.Equal(2048, slice.Length);

        // The reader keeps the first slice while more is appended to the last.
        session.Receive(pool, Frame(SmuxCommand.Psh, 3, [5000 & 255]));
        stream.Consumed(slice.Length);
        byte[] rest = stream.ReadAll();
        Assert.Equal(Enumerable.Range(0, 5001).Select(static i => (byte)i), [.. slice.Span, .. rest]);
        slice.Release();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public void LargePayloadsAreNotCopied()
    {
        PacketPool pool = new(track: true);
        SmuxOptions options = new() { HalfCloseExtension = false };
        using SmuxSession session = new(EndpointRole.Server, options, pool, default);
        byte[] frame = [.. Frame(SmuxCommand.Syn, 3), .. Frame(SmuxCommand.Psh, 3, new byte[4000])];
        session.Receive(pool, frame);
        Assert.Equal(0, session.Statistics.BytesCopied);
        Assert.Equal(2, pool.Outstanding);
        session.Events()[0].Stream!.ReadAll();
        pool.ThrowIfOutstanding();
    }

    private static byte[] Frame(SmuxCommand command, uint id, ReadOnlySpan<byte> payload = default) =>
        MuxTestExtensions.Frame(2, command, id, payload);

    private static void Act(
        SmuxSession session, List<TransportStream> streams, RecordingOutput output, Random random, Timestamp now)
    {
        while (random.Next(3) == 0 && session.TryReadEvent(out StreamEvent e))
        {
            if (e.Kind == StreamEventKind.Accepted)
            {
                e.Stream!.Source = new BoundedSource();
                streams.Add(e.Stream);
            }
        }

        if (random.Next(8) == 0 && session.TryOpen(now) is { } opened)
        {
            opened.Source = new BoundedSource();
            streams.Add(opened);
        }

        if (random.Next(4) == 0)
        {
            output.Capacity = random.Next(0, 3000);
            session.Flush(output, now);
            output.Frames.Clear();
        }

        if (streams.Count == 0)
        {
            return;
        }

        TransportStream stream = streams[random.Next(streams.Count)];
        switch (random.Next(40))
        {
            case 0:
                stream.Close();
                break;
            case 1:
                stream.Abort();
                break;
            case 2:
                stream.FinishWrites();
                break;
            case < 10:
                ((BoundedSource)stream.Source!).Left = random.Next(5000);
                stream.NotifyWritable();
                break;
            case < 25:
                stream.ReadAll();
                break;
        }

        if (stream.IsClosed && stream.BufferedBytes == 0 && streams.Count > 30)
        {
            streams.Remove(stream);
        }
    }

    private static void FillWithFrames(Span<byte> bytes, int version, Random random)
    {
        int offset = 0;
        while (bytes.Length - offset > 2000)
        {
            SmuxCommand command = (SmuxCommand)random.Next(0, version == 1 ? 4 : 5);
            uint id = (uint)random.Next(0, 24);
            int length = random.Next(random.Next(4) == 0 ? 1500 : 30);
            byte[] frame = command switch
            {
                SmuxCommand.Psh => MuxTestExtensions.Frame(version, command, id, new byte[length]),
                SmuxCommand.Upd => MuxTestExtensions.Update(id, (uint)random.Next(10), (uint)random.Next(100000)),
                _ => MuxTestExtensions.Frame(version, command, id),
            };
            if (random.Next(60) == 0)
            {
                frame[random.Next(SmuxFrame.HeaderSize)] = (byte)random.Next(256);
            }

            frame.CopyTo(bytes[offset..]);
            offset += frame.Length;
        }

        random.NextBytes(bytes[offset..]);
    }

    /// <summary>A place where something like a frame begins, so that a new session gets somewhere.</summary>
    private static int FrameBoundary(ReadOnlySpan<byte> bytes, int version, Random random)
    {
        int start = random.Next(bytes.Length / 2);
        int found = bytes[start..].IndexOf<byte>([(byte)version, (byte)SmuxCommand.Syn, 0, 0]);
        return found < 0 ? start : start + found;
    }

    private sealed class BoundedSource : IStreamSource
    {
        private static readonly byte[] s_bytes = new byte[700];

        public int Left { get; set; }

        public ReadOnlySpan<byte> Peek() => s_bytes.AsSpan(0, Math.Min(Left, s_bytes.Length));

        public void Advance(int count) => Left -= count;
    }
}
