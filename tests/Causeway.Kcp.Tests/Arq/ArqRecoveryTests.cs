using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

/// <summary>What goes beyond KCP in finding losses: by time, by a probe, and by copies.</summary>
public sealed class ArqRecoveryTests
{
    private const int Full = 1326;

    [Fact]
    public void OneSkipIsEnoughAfterARoundTripAndAQuarter()
    {
        using ArqHarness harness = Make();
        harness.Session.Write(new byte[3 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(1, time: 0));
        Assert.Empty(Sent(harness, At(40)));

        // New data does not put it off, as it does by KCP's rule.
        harness.Session.Write(new byte[Full]);
        Assert.Equal([3u], Sent(harness, At(41)));
        Assert.Empty(Sent(harness, At(49)));
        Assert.Equal([0u], Sent(harness, At(50)));
        Assert.Equal(1, harness.Session.Statistics.EarlyRetransmits);
    }

    [Fact]
    public void WhatParityMayYetRebuildIsNotSentAgainAtOnce()
    {
        using ArqHarness harness = Make();
        harness.Session.RepairDelayMicroseconds = 5_000;
        harness.Session.Write(new byte[3 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(1, time: 0), Ack(2, time: 0));
        Assert.Empty(Sent(harness, At(40)));
        Assert.Equal(At(45), harness.Session.NextDeadline);
        Assert.Empty(Sent(harness, At(44)));
        Assert.Equal([0u], Sent(harness, At(45)));
    }

    [Fact]
    public void ParityThatCameInTimeMakesTheRetransmissionUnnecessary()
    {
        using ArqHarness harness = Make();
        harness.Session.RepairDelayMicroseconds = 5_000;
        harness.Session.Write(new byte[3 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(1, time: 0), Ack(2, time: 0));
        Assert.Empty(Sent(harness, At(40)));
        harness.Input(At(43), Ack(0, time: 0, una: 3));
        Assert.Empty(Sent(harness, At(45)));
        Assert.Equal(0, harness.Session.Statistics.FastRetransmits);
    }

    [Fact]
    public void ALostTailIsProbedAfterARoundTripAndTheRestFollowsFromTheAnswer()
    {
        using ArqHarness harness = Make();
        Warm(harness);
        harness.Session.Write(new byte[12 * Full]);
        Assert.Equal(12, Sent(harness, At(2000)).Length);

        // Nothing is heard. The probe is the oldest segment, and comes before any timeout.
        Timestamp probe = harness.Session.NextDeadline;
        Assert.InRange(probe.MicrosecondsSince(At(2000)), 41_000, 80_000);
        Assert.Equal([10u], Sent(harness, probe));
        Assert.Equal((1, 0), (harness.Session.Statistics.TailLossProbes, harness.Session.Statistics.Timeouts));

        // Its acknowledgement shows that all others, which left before it, are missing.
        uint echo = (uint)(probe.Microseconds / 1000);
        harness.Input(probe.AddMicroseconds(40_000), Ack(10, echo, una: 11));
        uint[] again = Sent(harness, probe.AddMicroseconds(51_000));
        Assert.Equal(Enumerable.Range(11, 11).Select(static i => (uint)i), again);
        Assert.Equal(0, harness.Session.Statistics.Timeouts);
    }

    [Fact]
    public void ASecondSilenceIsATimeout()
    {
        using ArqHarness harness = Make();
        Warm(harness);
        harness.Session.Write(new byte[12 * Full]);
        harness.Flush(At(2000));
        harness.Flush(harness.Session.NextDeadline);
        Assert.Equal(12, Sent(harness, harness.Session.NextDeadline).Length);
        Assert.Equal((1, 12), (harness.Session.Statistics.TailLossProbes, harness.Session.Statistics.Timeouts));
    }

    [Fact]
    public void AProbeThatRepairedALossIsReportedAsOne()
    {
        LossRecorder recorder = new();
        using ArqHarness harness = Make(recorder);
        Warm(harness);
        harness.Session.Write(new byte[12 * Full]);
        harness.Flush(At(2000));
        Timestamp probe = harness.Session.NextDeadline;
        harness.Flush(probe);
        Assert.Empty(recorder.Losses);
        harness.Input(probe.AddMicroseconds(40_000), Ack(10, (uint)(probe.Microseconds / 1000), una: 22));
        LossEvent loss = Assert.Single(recorder.Losses);
        Assert.Equal((1, (long)Full, false), (loss.Segments, loss.Bytes, loss.IsTimeout));
    }

    [Fact]
    public void AThinStreamIsSentTwiceOnlyWhereThePathLoses()
    {
        using ArqHarness harness = Make(copies: true);
        Warm(harness);
        long now = 2000;
        uint next = 10;

        // No loss so far: no copy.
        harness.Session.Write(new byte[200]);
        Assert.Equal([next], Sent(harness, At(now)));
        Assert.Empty(Sent(harness, At(now + 10)));
        harness.Input(At(now + 40), Ack(next, (uint)now, ++next));

        // A tail that had to be probed: the loss is known now.
        for (int i = 0; i < 4; i++)
        {
            now += 1000;
            harness.Session.Write(new byte[200]);
            harness.Flush(At(now));
            Timestamp again = harness.Session.NextDeadline;
            Assert.Equal(next, Sent(harness, again)[0]);
            harness.Input(again.AddMicroseconds(40_000), Ack(next, (uint)(again.Microseconds / 1000), ++next));
        }

        now += 1000;
        harness.Session.Write(new byte[200]);
        Assert.Equal([next], Sent(harness, At(now)));
        Timestamp copy = harness.Session.NextDeadline;
        Assert.InRange(copy.MicrosecondsSince(At(now)), 1_000, 10_000);
        long before = harness.Session.Statistics.Copies;
        Assert.Equal([next], Sent(harness, copy));
        Assert.Equal(before + 1, harness.Session.Statistics.Copies);

        // A bulk transfer is not thin.
        harness.Input(At(now + 40), Ack(next, (uint)now, ++next));
        harness.Session.Write(new byte[20 * Full]);
        Assert.Equal(20, Sent(harness, At(now + 50)).Length);
        Assert.Empty(Sent(harness, At(now + 60)));
    }

    [Fact]
    public void TimeoutsOfAThinStreamDoNotBackOffAtOnce()
    {
        Assert.InRange(SixthTimeout(bytes: 200), 0, 1_500_000);
        Assert.InRange(SixthTimeout(bytes: 20 * Full), 2_000_000, 20_000_000);

        static long SixthTimeout(int bytes)
        {
            using ArqHarness harness = Make();
            Warm(harness);
            harness.Session.Write(new byte[bytes]);
            harness.Flush(At(2000));
            for (int i = 0; i < 7; i++)
            {
                harness.Flush(harness.Session.NextDeadline);
            }

            return harness.Session.NextDeadline.MicrosecondsSince(At(2000));
        }
    }

    private static ArqHarness Make(CongestionController? controller = null, bool copies = false) => new(
        new ArqOptions { TimestampResolutionMicroseconds = 1000, CopyThinStreams = copies }, controller);

    /// <summary>Ten segments over a path of 40 ms, so that there is a round-trip time without variance.</summary>
    private static void Warm(ArqHarness harness)
    {
        for (uint i = 0; i < 10; i++)
        {
            harness.Session.Write(new byte[Full]);
            harness.Flush(At(100 * i));
            harness.Input(At((100 * i) + 40), Ack(i, time: 100 * i, una: i + 1));
            harness.Flush(At((100 * i) + 40));
        }
    }

    private static uint[] Sent(ArqHarness harness, Timestamp now) =>
        [.. Of(harness, now, SegmentCommand.Push)];

    private static IEnumerable<uint> Of(ArqHarness harness, Timestamp now, SegmentCommand command) =>
        harness.FlushSegments(now).Where(segment => segment.Header.Command == command).Select(segment => segment.Header.Sequence);

    private static byte[] Ack(uint sequence, uint time, uint una = 0) =>
        ArqHarness.Segment(SegmentCommand.Ack, sequence, una, time);

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private sealed class LossRecorder : CongestionController
    {
        public List<LossEvent> Losses { get; } = [];

        public override long Window => long.MaxValue;

        public override void OnLoss(in LossEvent e) => Losses.Add(e);
    }
}
