using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqSessionTests
{
    private const int Full = 1350 - SegmentHeader.Size;

    [Fact]
    public void WritesAreGatheredIntoFullSegmentsAndTheRestLeavesToo()
    {
        using ArqHarness harness = new();
        for (int i = 0; i < 10; i++)
        {
            harness.Session.Write(new byte[300]);
        }

        Assert.Equal([Full, Full, 3000 - (2 * Full)], harness.FlushSegments(At(1)).Select(segment => segment.Data.Length));
        Assert.Empty(harness.Flush(At(1)));
        Assert.False(harness.Session.HasPendingOutput(At(1)));
    }

    [Fact]
    public void AFullSinkStopsBeforeAnythingIsMarkedAsSent()
    {
        using ArqHarness harness = new();
        harness.Session.Write(new byte[5 * Full]);
        harness.Sink.Capacity = 2;
        ListSink sink = harness.Sink;
        Assert.True(harness.Session.Flush(ref sink, At(1)));
        Assert.Equal((2u, 3), (harness.Session.SendNext, harness.Session.SendQueueLength));
        Assert.True(harness.Session.Flush(ref sink, At(1)));
        sink.Take();
        sink.Capacity = 10;
        Assert.False(harness.Session.Flush(ref sink, At(1)));
        Assert.Equal([2u, 3u, 4u], ArqHarness.Parse(sink.Take()).Select(segment => segment.Header.Sequence));
        Assert.Equal(5, harness.Session.Statistics.OutDataSegments);
    }

    [Fact]
    public void AFullSinkKeepsAcknowledgementsAndReports()
    {
        using ArqHarness harness = new(new ArqOptions { MaxDatagramSize = 50 });
        harness.Input(At(1), Push(3), Push(5), Push(7), Ask());
        harness.Sink.Capacity = 0;
        Assert.Empty(harness.Flush(At(1)));
        harness.Sink.Capacity = 1;
        List<(SegmentHeader Header, byte[] Data)> first = harness.FlushSegments(At(1));
        List<(SegmentHeader Header, byte[] Data)> second = harness.FlushSegments(At(1));
        Assert.Equal([3u, 5u, 7u], first.Concat(second)
            .Where(segment => segment.Header.Command == SegmentCommand.Ack).Select(segment => segment.Header.Sequence));
        Assert.Equal(SegmentCommand.WindowReport, second[^1].Header.Command);
        Assert.Empty(harness.Flush(At(1)));
    }

    [Theory]
    [InlineData(false, 1, 2_000)]
    [InlineData(false, 2, 0)]
    [InlineData(true, 1, 0)]
    public void AcknowledgementsWaitForCompanyABriefTime(bool noDelay, int segments, long expectedWait)
    {
        using ArqHarness harness = new(new ArqOptions { AckNoDelay = noDelay });
        for (uint i = 0; i < segments; i++)
        {
            harness.Input(At(10), Push(i));
        }

        Assert.Equal(expectedWait, harness.Session.NextDeadline.MicrosecondsSince(At(10)));
        Assert.Equal(expectedWait == 0, harness.Session.HasPendingOutput(At(10)));
        Assert.Equal(expectedWait == 0 ? 1 : 0, harness.Flush(At(10)).Length);
        Assert.Equal(expectedWait == 0 ? 0 : 1, harness.Flush(At(12)).Length);
        Assert.True(harness.Session.NextDeadline.IsNever);
    }

    [Fact]
    public void DuplicatesAndGapsAreAcknowledgedAtOnceAndOutgoingDataTakesAcknowledgementsAlong()
    {
        using ArqHarness harness = new();
        harness.Input(At(1), Push(1));
        Assert.Single(harness.FlushSegments(At(1)));
        harness.Input(At(2), Push(1));
        Assert.Equal(1u, Assert.Single(harness.FlushSegments(At(2))).Header.Sequence);
        Assert.Equal(1, harness.Session.Statistics.Repeated);
        harness.Input(At(3), Push(0));
        Assert.Equal(2u, Assert.Single(harness.FlushSegments(At(3))).Header.Unacknowledged);
        harness.Input(At(4), Push(2));
        harness.Session.Write([1, 2, 3]);
        byte[] shared = Assert.Single(harness.Flush(At(4)));
        Assert.Equal([SegmentCommand.Ack, SegmentCommand.Push],
            ArqHarness.Parse(shared).Select(segment => segment.Header.Command));
    }

    [Fact]
    public void FragmentsAreDeliveredAsPlainBytes()
    {
        using ArqHarness harness = new();
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.Push, 1, data: [3, 4], fragment: 0));
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.Push, 0, data: [1, 2], fragment: 1));
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.Push, 2, data: []));
        harness.Input(At(1), ArqHarness.Segment(SegmentCommand.Push, 3, data: [5]));
        Assert.Equal([1, 2, 3, 4, 5], harness.ReadAll());
        Assert.Equal(5, harness.Session.Statistics.BytesReceived);
    }

    [Fact]
    public void TheWindowOfRecoveredAndOfOvertakenDatagramsIsNotTaken()
    {
        using ArqHarness harness = new();
        harness.Session.Write(new byte[2 * Full]);
        harness.Flush(At(1));
        harness.Input(At(2), recovered: true, Ack(0, una: 1, time: Ticks(1), window: 7));
        Assert.Equal((32, 1u), (harness.Session.PeerWindow, harness.Session.SendUnacknowledged));
        Assert.False(harness.Session.Rtt.HasSample);
        harness.Input(At(3), Ack(1, una: 2, time: Ticks(1), window: 99));
        harness.Input(At(3), Ack(0, una: 1, time: Ticks(1), window: 0));
        Assert.Equal(99, harness.Session.PeerWindow);
        Assert.True(harness.Session.Rtt.HasSample);
        Assert.True(harness.Session.IsIdle);
    }

    [Fact]
    public void AnEchoThatWasNeverSentGivesNoSample()
    {
        using ArqHarness harness = new();
        harness.Session.Write([1]);
        harness.Flush(At(50));
        harness.Input(At(60), Ack(0, una: 1, time: Ticks(10)));
        Assert.True(harness.Session.IsIdle);
        Assert.False(harness.Session.Rtt.HasSample);
    }

    [Fact]
    public void NothingIsSentBeyondThePeersWindow()
    {
        using ArqHarness harness = new();
        harness.Session.Write(new byte[50 * Full]);
        Assert.Equal(32, harness.FlushSegments(At(1)).Count);
        harness.Input(At(2), Ack(9, una: 10, window: 5, time: Ticks(1)));
        Assert.Empty(harness.Flush(At(2)));
        harness.Input(At(3), Ack(31, una: 32, window: 5, time: Ticks(1)));
        Assert.Equal([32u, 33u, 34u, 35u, 36u], harness.FlushSegments(At(3)).Select(segment => segment.Header.Sequence));
    }

    [Fact]
    public void AUsedUpSmallWindowIsProbedWhenNothingIsInFlight()
    {
        using ArqHarness harness = new();
        harness.Session.Write(new byte[3 * Full]);
        harness.Flush(At(1));
        harness.Session.Write(new byte[Full]);

        // All three are acknowledged one by one, but the peer's reader is behind: una stays, and three is all it
        // allows.
        harness.Input(At(2), Ack(0, window: 3), Ack(1, window: 3), Ack(2, window: 3));
        Assert.Empty(harness.Flush(At(2)));
        Assert.Equal(At(502), harness.Session.NextDeadline);
        Assert.Equal(SegmentCommand.WindowAsk, Assert.Single(harness.FlushSegments(At(502))).Header.Command);
        harness.Input(At(503), ArqHarness.Segment(SegmentCommand.WindowReport, una: 3, window: 3));
        Assert.Equal(3u, Assert.Single(harness.FlushSegments(At(503))).Header.Sequence);
    }

    [Fact]
    public void RepeatedTimeoutsProbeWithTwoSegmentsAndTheFirstAnswerRepairsTheRest()
    {
        using ArqHarness harness = new(new ArqOptions { TimestampResolutionMicroseconds = 1000 });
        harness.Session.Write(new byte[20 * Full]);
        Assert.Equal(20, harness.Flush(At(0)).Length);
        Assert.Equal(20, harness.Flush(At(200)).Length);
        Assert.Empty(harness.Flush(At(599)));
        Assert.Equal([0u, 1u], harness.FlushSegments(At(600)).Select(segment => segment.Header.Sequence));
        Assert.Equal([2u, 3u], harness.FlushSegments(At(1400)).Select(segment => segment.Header.Sequence));
        harness.Input(At(1440), Ack(2, time: 1400), Ack(3, time: 1400));
        Assert.Equal([.. Enumerable.Range(0, 20).Except([2, 3]).Select(i => (uint)i)],
            harness.FlushSegments(At(1440)).Select(segment => segment.Header.Sequence).Order());
        Assert.Equal(24, harness.Session.Statistics.Timeouts);
    }

    [Fact]
    public void ALostRetransmissionIsFoundByLaterOnesToo()
    {
        using ArqHarness harness = new(new ArqOptions { TimestampResolutionMicroseconds = 1000, CopyThinStreams = false });
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(1, time: 0), Ack(2, time: 0));
        harness.Session.Write(new byte[3 * Full]);
        Assert.Equal([0u, 4u, 5u, 6u], harness.FlushSegments(At(40)).Select(segment => segment.Header.Sequence));
        harness.Input(At(80), Ack(4, time: 40), Ack(5, time: 40));
        Assert.Equal([0u, 3u], harness.FlushSegments(At(80)).Select(segment => segment.Header.Sequence).Order());
        Assert.Equal(3, harness.Session.Statistics.FastRetransmits);
    }

    [Fact]
    public void ASilentPeerFailsTheSessionAndEverythingIsReleased()
    {
        using ArqHarness harness = new(new ArqOptions { DeadLinkTimeout = TimeSpan.FromSeconds(10) });
        harness.Input(At(0), Push(1));
        harness.Session.Write(new byte[100 * Full]);
        Timestamp now = At(0);
        while (harness.Session.Failure is null)
        {
            harness.Flush(now);
            now = Timestamp.Min(harness.Session.NextDeadline, now.AddMicroseconds(1_000_000));
            Assert.True(now <= At(11_000));
        }

        Assert.Equal(ArqFailure.PeerSilent, harness.Session.Failure);
        harness.Pool.ThrowIfOutstanding();
        harness.Session.Write([1, 2, 3]);
        Assert.Equal(0, harness.Session.WriteCapacity);
        Assert.Equal(ArqInputResult.Closed, harness.Input(now, Push(0)));
        Assert.False(harness.Session.HasPendingOutput(now));
        Assert.Empty(harness.Flush(now));
    }

    [Fact]
    public void TooManyTransmissionsFailTheSessionOnlyAfterMostOfTheSilence()
    {
        using ArqHarness harness = new(new ArqOptions { DeadLinkTransmissions = 5 });
        harness.Session.Write([1]);
        Timestamp now = At(0);
        while (harness.Session.Failure is null)
        {
            harness.Flush(now);
            now = harness.Session.Failure is null ? harness.Session.NextDeadline : now;
        }

        Assert.Equal(ArqFailure.TransmissionLimit, harness.Session.Failure);
        Assert.InRange(now.Microseconds, 22_500_000, 25_000_000);
    }

    [Fact]
    public void AProcessThatSleptAsksAgainBeforeItGivesUp()
    {
        using ArqHarness harness = new();
        harness.Session.Write([1]);
        harness.Flush(At(0));
        Timestamp awake = At(3_600_000);
        Assert.Single(harness.Flush(awake));
        Assert.Null(harness.Session.Failure);
        harness.Input(awake.AddMicroseconds(30_000), Ack(0, una: 1, time: unchecked((uint)awake.Microseconds)));
        Assert.True(harness.Session.IsIdle);
        Assert.Equal(TimeSpan.FromMilliseconds(30), harness.Session.Statistics.SmoothedRtt);
    }

    [Fact]
    public void WriteCapacityCountsTheQueueAndTheWindow()
    {
        using ArqHarness harness = new(new ArqOptions { SendWindow = 40 });
        int taken = 0;
        while (harness.Session.WriteCapacity is int capacity and > 0)
        {
            int length = Math.Min(capacity, 3 * Full);
            harness.Session.Write(new byte[length]);
            taken += length;
            harness.Flush(At(1));
        }

        Assert.Equal(40 * Full, taken);
        Assert.Equal((32, 8), (harness.Session.SendBufferLength, harness.Session.SendQueueLength));
        harness.Session.Write(new byte[70_000]);
        Assert.Equal(0, harness.Session.WriteCapacity);
    }

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private static uint Ticks(long milliseconds) => (uint)(milliseconds * 1000);

    private static byte[] Push(uint sequence) => ArqHarness.Segment(SegmentCommand.Push, sequence, data: [(byte)sequence]);

    private static byte[] Ask() => ArqHarness.Segment(SegmentCommand.WindowAsk);

    private static byte[] Ack(uint sequence, uint una = 0, uint time = 0, ushort window = 512) =>
        ArqHarness.Segment(SegmentCommand.Ack, sequence, una, time, window);
}
