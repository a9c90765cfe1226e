using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqHostilePeerTests
{
    [Fact]
    public void AcknowledgementsOfWhatWasNeverSentAreIgnored()
    {
        using ArqHarness harness = new();
        harness.Session.Write(new byte[100_000]);
        int sent = harness.FlushSegments(At(1)).Count;
        Assert.Equal(32, sent);
        foreach (uint una in new uint[] { 33, 76, 1000, 0x7FFFFFFF })
        {
            harness.Input(At(2), ArqHarness.Segment(SegmentCommand.WindowReport, una: una, window: ushort.MaxValue));
        }

        foreach (uint una in new uint[] { 0x80000001, uint.MaxValue })
        {
            harness.Input(At(2), ArqHarness.Segment(SegmentCommand.WindowReport, una: una, window: 1));
        }

        foreach (uint sequence in new uint[] { 32, 75, 0x7FFFFFFF })
        {
            harness.Input(At(2), ArqHarness.Segment(SegmentCommand.Ack, sequence, window: ushort.MaxValue));
        }

        Assert.Equal((0u, 32), (harness.Session.SendUnacknowledged, harness.Session.SendBufferLength));
        Assert.Equal(7, harness.Session.Statistics.InvalidAcknowledgements);
        Assert.Equal(2, harness.Session.Statistics.StaleAcknowledgements);
    }

    [Fact]
    public void AHugeWindowIsTakenAsItIsAndOurOwnStillHolds()
    {
        using ArqHarness harness = new(new ArqOptions { SendWindow = 100 });
        harness.Session.Write(new byte[500_000]);
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.WindowReport, window: ushort.MaxValue));
        Assert.Equal(100, harness.FlushSegments(At(1)).Count);
    }

    [Fact]
    public void DataOutsideTheWindowIsNeitherKeptNorAcknowledged()
    {
        using ArqHarness harness = new(new ArqOptions { ReceiveWindow = 8 });
        harness.Input(At(1), Push(8), Push(9), Push(0x7FFFFFFF));
        Assert.Empty(harness.Flush(At(100)));
        Assert.Equal(0, harness.Session.ReceiveBufferLength);
        harness.Input(At(200), Push(7));
        Assert.Equal(7u, Assert.Single(harness.FlushSegments(At(200))).Header.Sequence);
    }

    [Fact]
    public void ErrorsAreCountedByReasonAndWhatStoodBeforeThemCounts()
    {
        using ArqHarness harness = new();
        byte[] tooLong = Push(1);
        tooLong[20] = 200;
        byte[] unknown = Push(2);
        unknown[4] = 80;
        Assert.Equal(ArqInputResult.TooShort, harness.Input(At(1), new byte[23]));
        Assert.Equal(ArqInputResult.WrongConversation,
            harness.Input(At(1), ArqHarness.Segment(SegmentCommand.Push, data: [1], conversation: 5)));
        Assert.Equal(ArqInputResult.BadLength, harness.Input(At(1), Push(0), tooLong));
        Assert.Equal(ArqInputResult.UnknownCommand, harness.Input(At(1), Push(1), unknown));
        Assert.Equal(ArqInputResult.Ok, harness.Input(At(1), Push(2), new byte[23]));
        ArqStatistics statistics = harness.Session.Statistics;
        Assert.Equal((1L, 1L, 1L, 1L, 4L, 1L), (
            statistics.InErrorsTooShort,
            statistics.InErrorsWrongConversation,
            statistics.InErrorsBadLength,
            statistics.InErrorsUnknownCommand,
            statistics.InErrors,
            statistics.InSegments));
        Assert.Equal(3, harness.ReadAll().Length);
    }

    [Fact]
    public void RepeatedSegmentsDoNotFillTheAcknowledgementListWithoutLimit()
    {
        using ArqHarness harness = new(new ArqOptions { ReceiveWindow = 16 });
        for (int i = 0; i < 5_000; i++)
        {
            harness.Input(At(1), Push(0));
        }

        Assert.Equal(128, harness.Session.PendingAcks);
        Assert.Equal(5_000 - 128, harness.Session.Statistics.AcknowledgementsDropped);
        Assert.Single(harness.FlushSegments(At(1)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1326)]
    public void SmallPayloadsInLargeBlocksDoNotPinThem(int payload)
    {
        // Each datagram is a view into a block of its own, as a receive of many datagrams in one block makes them.
        PacketPool blocks = new(65536, track: true, stackTraces: false);
        ArqOptions options = new() { ReceiveWindow = 256 };
        using ArqHarness harness = new(options);
        for (uint i = 1; i < 256; i++)
        {
            PacketBuffer block = blocks.Rent(headroom: 0);
            byte[] segment = ArqHarness.Segment(SegmentCommand.Push, i, data: new byte[payload]);
            segment.CopyTo(block.Append(segment.Length));
            PacketBuffer view = harness.Pool.RentView(block, 0, segment.Length);
            block.Release();
            Assert.Equal(ArqInputResult.Ok, harness.Session.Input(view, recovered: false, At(1)));
            view.Release();
        }

        long pinned = ((long)blocks.Outstanding * 65536) + ((long)harness.Pool.Outstanding * harness.Pool.BufferSize);
        Assert.True(pinned < 5L * options.ReceiveWindow * options.MaxDatagramSize, $"{pinned} bytes are pinned");
        Assert.Equal(255, harness.Session.ReceiveBufferLength);
        harness.Input(At(2), Push(0));
        Assert.Equal((255 * payload) + 1, harness.ReadAll().Length);
        blocks.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void MutatedDatagramsNeverThrowAndMemoryStaysBounded(int seed)
    {
        Random random = new(seed);
        ArqOptions options = new() { ReceiveWindow = 64, SendWindow = 64 };
        using ArqHarness harness = new(
            options, seed == 1 ? new FixedController() : new ClassicController(1326, 2), track: true);
        Timestamp now = At(1);
        try
        {
            for (int i = 0; i < 50_000; i++)
            {
                now = now.AddMicroseconds(random.Next(2_000));
                harness.Input(now, random.Next(4) == 0, [.. RandomDatagram(random, harness.Session)]);
                if (harness.Session.WriteCapacity > 0 && random.Next(3) == 0)
                {
                    harness.Session.Write(new byte[random.Next(4_000)]);
                }

                if (random.Next(3) == 0)
                {
                    harness.Flush(now);
                }

                if (random.Next(10) == 0)
                {
                    harness.ReadAll();
                }

                // 64 unread, 64 out of order, 64 and a write to send, one shared buffer.
                Assert.InRange(harness.Pool.Outstanding, 0, 64 + 64 + 64 + 5 + 1);
                Assert.InRange(harness.Session.PendingAcks, 0, 128);
            }
        }
        catch (Exception error) when (error is not Xunit.Sdk.XunitException)
        {
            throw new InvalidOperationException($"seed {seed}", error);
        }

        ArqStatistics statistics = harness.Session.Statistics;
        Assert.Null(harness.Session.Failure);
        Assert.True(statistics.BytesReceived > 10_000 && statistics.InErrors > 1_000 && statistics.OutDataSegments > 1_000);
    }

    // One to four segments near the session's windows, then mutated in a few bytes or cut.
    private static byte[][] RandomDatagram(Random random, ArqSession session)
    {
        byte[][] segments = new byte[random.Next(1, 5)][];
        for (int i = 0; i < segments.Length; i++)
        {
            SegmentCommand command = (SegmentCommand)random.Next(81, 85);
            uint from = command == SegmentCommand.Push ? session.ReceiveNext : session.SendUnacknowledged;
            byte[] segment = ArqHarness.Segment(
                command,
                sequence: unchecked(from + (uint)random.Next(-5, 70)),
                una: unchecked(session.SendUnacknowledged + (uint)random.Next(-2, 4)),
                time: (uint)random.Next(),
                window: (ushort)random.Next(0, 100),
                data: command switch
                {
                    SegmentCommand.Push => new byte[random.Next(0, 300)],
                    SegmentCommand.Ack when random.Next(2) == 0 => AckRangesTests.Write(
                        ((ushort)random.Next(70), (ushort)random.Next(20)), ((ushort)random.Next(70), (ushort)random.Next(20))),
                    _ => [],
                },
                fragment: random.Next(2) == 0 ? SegmentHeader.CausewayMark : (byte)0);
            while (random.Next(4) == 0)
            {
                segment[random.Next(segment.Length)] = (byte)random.Next(256);
            }

            segments[i] = random.Next(20) == 0 ? segment[..random.Next(segment.Length)] : segment;
        }

        return segments;
    }

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private static byte[] Push(uint sequence) => ArqHarness.Segment(SegmentCommand.Push, sequence, data: [(byte)sequence]);
}
