using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqCostTests
{
    [Theory]
    [InlineData(32)]
    [InlineData(1024)]
    [InlineData(32768)]
    public void WorkPerAcknowledgementTimeoutAndFlushDoesNotGrowWithTheWindow(int window)
    {
        using ArqHarness harness = Filled(window, out ArqSession session);

        // A hole at the front: every later acknowledgement skips it, as KCP counts on the whole window.
        const int Acks = 20;
        long before = session.NodesVisited;
        for (uint i = 1; i <= Acks; i++)
        {
            harness.Input(At(40), Ack(i));
            _ = session.NextDeadline;
            harness.Flush(At(40));
        }

        Assert.InRange(session.NodesVisited - before, Acks, Acks + 3);
        Assert.Equal(1, session.Statistics.FastRetransmits);

        // After the probe and the first timeout, the second timeout looks at two segments of the window.
        harness.Flush(session.NextDeadline);
        harness.Flush(session.NextDeadline);
        before = session.NodesVisited;
        harness.Flush(session.NextDeadline);
        Assert.InRange(session.NodesVisited - before, 2, 6);

        before = session.NodesVisited;
        for (int i = 0; i < 100; i++)
        {
            harness.Flush(At(3_000));
            _ = session.NextDeadline;
            _ = session.HasPendingOutput(At(3_000));
            _ = session.WriteCapacity;
        }

        Assert.InRange(session.NodesVisited - before, 0, 6);
    }

    [Fact]
    public void SteadyStateAllocatesNothing()
    {
        PacketPool pool = new();
        ArqOptions options = new();
        ArqSession left = new(ArqHarness.Conversation, options, new FixedController(), pool);
        ArqSession right = new(ArqHarness.Conversation, options, new FixedController(), pool);
        byte[] payload = new byte[3_000];
        Timestamp now = At(1);
        long turns = 0;
        Run(2_000);
        Assert.Equal(0, Allocation.Least(passes: 5, () => Run(10_000)));
        Assert.True(turns >= 12_000);
        Assert.Equal(turns * payload.Length, right.Statistics.BytesReceived);
        Assert.True(left.IsIdle);
        Assert.True(left.Statistics.FastRetransmits > 0);
        left.Dispose();
        right.Dispose();

        void Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Turn(left, right, pool, payload, drop: i % 7 == 0 ? 1 : 0, ref now);
            }

            turns += count;
        }
    }

    // One write there, its acknowledgement back; every seventh turn the first datagram is lost and repaired.
    private static void Turn(
        ArqSession left, ArqSession right, PacketPool pool, ReadOnlySpan<byte> payload, int drop, ref Timestamp now)
    {
        now = now.AddMicroseconds(1_000);
        left.Write(payload);
        DirectSink there = new(right, pool, now, drop);
        left.Flush(ref there, now);
        while (right.TryRead(out PacketSlice slice))
        {
            slice.Release();
        }

        now = now.AddMicroseconds(20_000);
        DirectSink back = new(left, pool, now, drop: 0);
        right.Flush(ref back, now);
        while (left.HasPendingOutput(now) || !left.IsIdle)
        {
            now = now.AddMicroseconds(10_000);
            there = new DirectSink(right, pool, now, drop: 0);
            left.Flush(ref there, now);
            while (right.TryRead(out PacketSlice slice))
            {
                slice.Release();
            }

            back = new DirectSink(left, pool, now, drop: 0);
            right.Flush(ref back, now);
        }
    }

    private static ArqHarness Filled(int window, out ArqSession session)
    {
        ArqHarness harness = new(
            new ArqOptions { SendWindow = window, TimestampResolutionMicroseconds = 1000 }, track: false);
        session = harness.Session;
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.WindowReport, window: (ushort)window));
        session.Write(new byte[window * 1326]);
        Assert.Equal(window, harness.FlushSegments(At(1)).Count);
        return harness;
    }

    private static byte[] Ack(uint sequence) => ArqHarness.Segment(SegmentCommand.Ack, sequence, time: 1, window: 65535);

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    /// <summary>Gives each datagram straight to the other session, except for the first few.</summary>
    private ref struct DirectSink(ArqSession target, PacketPool pool, Timestamp now, int drop) : IPacketSink
    {
        private PacketBuffer? _buffer;
        private int _drop = drop;

        public Span<byte> GetSpan(int size)
        {
            _buffer = pool.Rent();
            return _buffer.Append(size);
        }

        public void Commit(int length)
        {
            _buffer!.Truncate(length);
            if (--_drop < 0)
            {
                target.Input(_buffer, recovered: false, now);
            }

            _buffer.Release();
            _buffer = null;
        }
    }
}
