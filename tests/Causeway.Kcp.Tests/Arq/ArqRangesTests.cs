using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>Acknowledgements that say in ranges what lost ones said (docs/design/loss-recovery.md).</summary>
public sealed class ArqRangesTests
{
    private const int Full = 1326;

    [Fact]
    public void BehindAGapTheLastAcknowledgementTellsWhatHasArrived()
    {
        using ArqHarness harness = Make();
        Introduce(harness);
        harness.Input(At(41), Push(1), Push(2));
        Assert.Equal(["1", "2 1+2"], Acked(harness, At(41)));
        harness.Input(At(42), Push(4));
        Assert.Equal(["4 4+1 1+2"], Acked(harness, At(42)));

        // A duplicate shows that its acknowledgement got lost.
        harness.Input(At(43), Push(2));
        Assert.Equal(["2 1+2 4+1"], Acked(harness, At(43)));

        // Counted from the una of the same segment; when that has passed everything, nothing is left to say.
        harness.Input(At(44), Push(0));
        Assert.Equal(["0 1+1"], Acked(harness, At(44)));
        harness.Input(At(45), Push(3));
        Assert.Equal(["3"], Acked(harness, At(45)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BehindAKnownGapAcknowledgementsWaitForCompanyBetweenTwoOfOurs(bool isOurs)
    {
        using ArqHarness harness = Make();
        if (isOurs)
        {
            Introduce(harness);
        }

        harness.Input(At(41), Push(1));
        Assert.Equal(isOurs ? ["1 1+1"] : ["1"], Acked(harness, At(41)));
        harness.Input(At(41), Push(2));
        Assert.Equal(isOurs ? [] : ["2"], Acked(harness, At(41)));
        Assert.Equal(isOurs ? ["2 1+2"] : [], Acked(harness, At(43)));

        // One more gap is news.
        harness.Input(At(44), Push(4));
        Assert.Equal(isOurs ? ["4 4+1 1+2"] : ["4"], Acked(harness, At(44)));
    }

    [Fact]
    public void RangesFitWithTheSmallestDatagrams()
    {
        using ArqHarness harness = Make(new ArqOptions { MaxDatagramSize = 50, TimestampResolutionMicroseconds = 1000 });
        Introduce(harness);
        harness.Input(At(41), [.. Enumerable.Range(1, 9).Select(static i => Push((uint)(2 * i)))]);
        byte[][] datagrams = harness.Flush(At(41));
        Assert.All(datagrams, static datagram => Assert.InRange(datagram.Length, 24, 50));
        Assert.Equal("18 18+1 16+1 14+1 12+1", Texts(ArqHarness.Parse(datagrams))[^1]);
    }

    [Fact]
    public void KcptunGetsNone()
    {
        using ArqHarness harness = Make();
        harness.Session.Write(new byte[10]);
        harness.Flush(At(0));
        harness.Input(At(40), ArqHarness.Segment(SegmentCommand.Ack, 0, una: 1, time: 0));
        harness.Input(At(41), Push(1));
        Assert.Equal(["1"], Acked(harness, At(41)));
        harness.Session.Write(new byte[10]);
        Assert.Equal(0, Assert.Single(harness.FlushSegments(At(42))).Header.Fragment);
    }

    [Fact]
    public void DataBearsTheMarkTowardsOneOfOursForOneThatOnlyReceives()
    {
        using ArqHarness sender = Make();
        using ArqHarness receiver = Make();
        sender.Session.Write(new byte[10]);
        byte[][] first = sender.Flush(At(0));
        Assert.Equal(0, ArqHarness.Parse(first)[0].Header.Fragment);
        receiver.Input(At(20), first);
        sender.Input(At(40), receiver.Flush(At(30)));

        sender.Session.Write(new byte[3 * Full]);
        byte[][] more = sender.Flush(At(50));
        Assert.All(ArqHarness.Parse(more), static segment => Assert.Equal(SegmentHeader.CausewayMark, segment.Header.Fragment));
        receiver.Input(At(70), more[1]);
        receiver.Input(At(70), more[2]);
        Assert.Equal(["2", "3 1+2"], Acked(receiver, At(70)));
        Assert.Equal(10, receiver.ReadAll().Length);
    }

    [Fact]
    public void RangesAcknowledgeWhatLostAcknowledgementsDid()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(congestion: recorder);
        harness.Session.Write(new byte[6 * Full]);
        harness.Flush(At(0));

        // The newest transmission of all is the one whose time was echoed; what it skipped is lost.
        harness.Input(At(40), Ack(5, time: 0, una: 0, (1, 4)));
        AckEvent ack = Assert.Single(recorder.Acks);
        Assert.Equal((5, 5L * Full, 1L * Full, 40_000L), (ack.Segments, ack.Bytes, ack.BytesInFlight, ack.RttMicroseconds));
        Assert.Equal([0u], Sent(harness, At(40)));
        Assert.Equal((1, 0), (harness.Session.Statistics.FastRetransmits, harness.Session.Statistics.InvalidAcknowledgements));

        // Said again and again, it is no news.
        harness.Input(At(41), Ack(5, time: 0, una: 0, (1, 5)));
        Assert.Single(recorder.Acks);
    }

    [Fact]
    public void RangesGiveNoRoundTrip()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(congestion: recorder);
        harness.Session.Write(new byte[6 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(1, time: 0, una: 0));
        harness.Input(At(44), Ack(1, time: 0, una: 0, (2, 1)));
        Assert.Equal((1, -1L, 40_000L), (recorder.Acks[^1].Segments, recorder.Acks[^1].RttMicroseconds, recorder.Acks[^1].SmoothedRttMicroseconds));
    }

    [Fact]
    public void ALossThatARangeDisprovesIsTakenBackAndTeachesNoPatience()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(congestion: recorder);
        harness.Session.Write(new byte[6 * Full]);
        harness.Flush(At(0));
        recorder.Limit = 0;
        harness.Input(At(40), Ack(2, time: 0, una: 0), Ack(3, time: 0, una: 0));
        Assert.Empty(Sent(harness, At(40)));
        Assert.Equal(2, Assert.Single(recorder.Losses).Segments);
        harness.Input(At(41), Ack(4, time: 0, una: 0, (0, 4)));
        Assert.Equal(1, recorder.Spurious);

        // Nothing overtook anything: the next loss is found at once.
        recorder.Limit = long.MaxValue;
        harness.Session.Write(new byte[3 * Full]);
        Assert.Equal([6u, 7u, 8u], Sent(harness, At(41)));
        harness.Input(At(82), Ack(7, time: 41, una: 5), Ack(8, time: 41, una: 5));
        Assert.Equal([5u, 6u], Sent(harness, At(82)));
    }

    [Fact]
    public void FalseRangesAreDroppedAndCounted()
    {
        using ArqHarness harness = Make(initialSend: uint.MaxValue - 1);
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        harness.Input(
            At(40), Ack(uint.MaxValue, time: 0, una: uint.MaxValue - 1, (3, 2), (2, 1), (1, 0), (4, 1), (60_000, 60_000), (65535, 1)));
        Assert.Equal(5, harness.Session.Statistics.InvalidAcknowledgements);
        Assert.Equal(2 * Full, harness.Session.Statistics.BytesInFlight);

        // From about the other side of all numbers, where what is before and what after turns round, nothing is acknowledged.
        for (uint una = 0x7FFF_FFF0; una < 0x8000_0010; una++)
        {
            harness.Input(At(40), Ack(uint.MaxValue, time: 0, una, (0, 1), (1, 9), (0, 16)));
        }

        Assert.Equal(2 * Full, harness.Session.Statistics.BytesInFlight);
        long invalid = harness.Session.Statistics.InvalidAcknowledgements;

        // One that was overtaken counts from its own una, and what lies before the newest is old.
        harness.Input(At(41), Ack(uint.MaxValue, time: 0, una: 0));
        harness.Input(At(42), Ack(uint.MaxValue, time: 0, una: uint.MaxValue - 1, (0, 1), (1, 3)));
        Assert.Equal(invalid, harness.Session.Statistics.InvalidAcknowledgements);
        Assert.Equal(0, harness.Session.Statistics.BytesInFlight);
    }

    [Fact]
    public void OtherPayloadsOfAcknowledgementsAreSkipped()
    {
        using ArqHarness harness = Make();
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        byte[] ranges = AckRangesTests.Write((1, 2));
        byte[] unknown = [0x14, .. ranges[1..]];
        byte mark = SegmentHeader.CausewayMark;
        harness.Input(At(40), ArqHarness.Segment(SegmentCommand.Ack, 3, data: unknown, fragment: mark));
        harness.Input(At(40), ArqHarness.Segment(SegmentCommand.Ack, 3, data: ranges[..^1], fragment: mark));
        Assert.Equal(2, harness.Session.Statistics.InvalidPathReports);

        // Whoever bears no mark means something else by it, and who follows KCP's rules alone reads none.
        harness.Input(At(40), ArqHarness.Segment(SegmentCommand.Ack, 3, data: ranges));
        Assert.Equal(3 * Full, harness.Session.Statistics.BytesInFlight);

        using ArqHarness plain = Make(new ArqOptions { Recovery = LossRecovery.Kcp });
        plain.Session.Write(new byte[4 * Full]);
        plain.Flush(At(0));
        Assert.Equal(ArqInputResult.Ok, plain.Input(At(40), Ack(3, time: 0, una: 0, (1, 2))));
        Assert.Equal(3 * Full, plain.Session.Statistics.BytesInFlight);
        Assert.Equal(0, plain.Session.Statistics.InvalidPathReports);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(32768)]
    public void WorkForTheSameRangesAgainDoesNotGrowWithThem(int window)
    {
        using ArqHarness harness = new(new ArqOptions { SendWindow = window, TimestampResolutionMicroseconds = 1000 }, track: false);
        ArqSession session = harness.Session;
        harness.Input(At(0), ArqHarness.Segment(SegmentCommand.WindowReport, window: (ushort)window));
        session.Write(new byte[window * Full]);
        harness.Flush(At(0));

        // Two holes. Each acknowledgement lengthens the last range, and repeats the others from another place on.
        const int Acks = 200;
        ushort half = (ushort)(window / 2);
        ushort quarter = (ushort)(window / 4);
        long[] visited = new long[3];
        for (int round = 0; round < visited.Length; round++)
        {
            visited[round] = -session.NodesVisited;
            for (int i = 1; i <= Acks; i++)
            {
                harness.Input(At(40), Ack(
                    1,
                    time: 0,
                    una: 0,
                    ((ushort)(half + 1), (ushort)(i + (round * Acks))),
                    ((ushort)(quarter + i), (ushort)(half - quarter - i)),
                    ((ushort)i, (ushort)(quarter - i))));
            }

            visited[round] += session.NodesVisited;
        }

        // Each segment that is acknowledged is visited a few times in all, and each range that is told.
        Assert.InRange(visited[0], half, (4 * half) + (20 * Acks));
        Assert.InRange(visited[1], 3 * Acks, 20 * Acks);
        Assert.InRange(visited[2], 3 * Acks, 20 * Acks);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void LostAcknowledgementsCauseNoRetransmission(int seed)
    {
        FaultModelOptions link = new()
        {
            RateBitsPerSecond = 20_000_000,
            Delay = TimeSpan.FromMilliseconds(20),
            QueueBytes = 100_000,
            Loss = 0.02,
        };
        FaultPlan plan = new()
        {
            Name = "Acknowledgements get lost",
            Seed = (ulong)seed,
            Forward = link,
            Backward = link with { BurstEnter = 0.02, BurstLeave = 0.25 },
        };
        using SharedBottleneck bottleneck = new(plan);
        Flow flow = bottleneck.Add(new FlowOptions
        {
            Name = "bulk",
            Endpoint = new ArqEndpointOptions { Congestion = static options => new BbrController(options.SegmentSize) },
        });
        bottleneck.Run(TimeSpan.FromSeconds(1));
        FlowCounters before = flow.Counters;
        bottleneck.Run(TimeSpan.FromSeconds(3));
        FlowCounters done = flow.Counters - before;
        Assert.True(done.Repeated <= 2, $"seed {seed}: {done}");
        Assert.InRange((double)done.Retransmissions / done.Segments, 0.01, 0.03);
    }

    private static ArqHarness Make(ArqOptions? options = null, CongestionController? congestion = null, uint initialSend = 0) => new(
        options ?? new ArqOptions { TimestampResolutionMicroseconds = 1000, CopyThinStreams = false }, congestion, initialSend);

    // A marked acknowledgement, as one of ours sends it.
    private static void Introduce(ArqHarness harness)
    {
        harness.Session.Write(new byte[10]);
        harness.Flush(At(0));
        harness.Input(
            At(40), ArqHarness.Segment(SegmentCommand.Ack, 0, una: 1, time: 0, fragment: SegmentHeader.CausewayMark));
    }

    private static uint[] Sent(ArqHarness harness, Timestamp now) => [.. harness.FlushSegments(now)
        .Where(static segment => segment.Header.Command == SegmentCommand.Push).Select(static segment => segment.Header.Sequence)];

    private static string[] Acked(ArqHarness harness, Timestamp now) => Texts(harness.FlushSegments(now));

    // "sequence offset+length ..." of each acknowledgement.
    private static string[] Texts(List<(SegmentHeader Header, byte[] Data)> segments) => [.. segments
        .Where(static segment => segment.Header.Command == SegmentCommand.Ack)
        .Select(static segment => string.Join(' ', (string[])
        [
            $"{segment.Header.Sequence}",
            .. (AckRangesTests.Read(segment.Data) ?? []).Select(static range => $"{range.Offset}+{range.Length}"),
        ]))];

    private static byte[] Ack(uint sequence, uint time, uint una, params (ushort, ushort)[] ranges) => ArqHarness.Segment(
        SegmentCommand.Ack,
        sequence,
        una,
        time,
        window: 65535,
        data: ranges.Length > 0 ? AckRangesTests.Write(ranges) : null,
        fragment: SegmentHeader.CausewayMark);

    private static byte[] Push(uint sequence) => ArqHarness.Segment(SegmentCommand.Push, sequence, una: 1, data: new byte[10]);

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private sealed class Recorder : CongestionController
    {
        public long Limit { get; set; } = long.MaxValue;

        public List<AckEvent> Acks { get; } = [];

        public List<LossEvent> Losses { get; } = [];

        public int Spurious { get; private set; }

        public override long Window => Limit;

        public override void OnAck(in AckEvent e) => Acks.Add(e);

        public override void OnLoss(in LossEvent e) => Losses.Add(e);

        public override void OnSpuriousLoss(Timestamp now) => Spurious++;
    }
}
