using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ArqCongestionTests
{
    private const int Full = 1350 - SegmentHeader.Size;

    [Fact]
    public void EventsTellWhatWasSentAcknowledgedAndLost()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(recorder, LossRecovery.Kcp);
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        Assert.Equal([Full, 2 * Full, 3 * Full, 4 * Full], recorder.Sent.Select(e => e.BytesInFlight));
        Assert.All(recorder.Sent, e => Assert.False(e.IsRetransmission));

        harness.Input(At(40), Ack(1, time: 0), Ack(2, time: 0));
        AckEvent ack = Assert.Single(recorder.Acks);
        Assert.Equal((2, 2L * Full, 2L * Full, false), (ack.Segments, ack.Bytes, ack.BytesInFlight, ack.IsCumulativeAdvance));
        Assert.Equal((40_000L, 40_000L), (ack.RttMicroseconds, ack.SmoothedRttMicroseconds));
        Assert.Empty(recorder.Losses);

        harness.Flush(At(40));
        LossEvent loss = Assert.Single(recorder.Losses);
        Assert.Equal((1, 2L * Full, false, 4), (loss.Segments, loss.PriorBytesInFlight, loss.IsTimeout, loss.OutstandingSegments));
        Assert.True(recorder.Sent[^1].IsRetransmission);

        harness.Input(At(80), Ack(0, time: 40, una: 3));
        harness.Flush(At(300));
        Assert.True(recorder.Losses[^1].IsTimeout);
        harness.Input(At(340), Ack(3, time: 300, una: 4));
        Assert.True(recorder.Acks[^1].IsCumulativeAdvance);
        Assert.Equal(0, recorder.Acks[^1].BytesInFlight);
        Assert.Equal(0, recorder.Spurious);
    }

    [Fact]
    public void ALossIsTakenBackWhenTheOriginalTransmissionIsAcknowledged()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(recorder);
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(2, time: 0), Ack(3, time: 0));
        harness.Flush(At(40));
        Assert.Equal(2, recorder.Losses[0].Segments);
        harness.Input(At(45), Ack(0, time: 0));
        Assert.Equal(0, recorder.Spurious);
        harness.Input(At(46), Ack(1, time: 0, una: 4));
        Assert.Equal(1, recorder.Spurious);
        Assert.Equal(2, harness.Session.Statistics.SpuriousRetransmits);

        // From here on reordered datagrams get a quarter of a round trip more.
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(100));
        harness.Input(At(140), Ack(6, time: 100, una: 4), Ack(7, time: 100, una: 4));
        Assert.Empty(harness.Flush(At(140)));
        Assert.InRange(harness.Session.NextDeadline.Microseconds, 145_000, 155_000);
        Assert.Equal(2, harness.FlushSegments(At(155)).Count);
    }

    [Fact]
    public void AGenuineLossAmongSpuriousOnesIsNotTakenBack()
    {
        Recorder recorder = new();
        using ArqHarness harness = Make(recorder);
        harness.Session.Write(new byte[4 * Full]);
        harness.Flush(At(0));
        harness.Input(At(40), Ack(2, time: 0), Ack(3, time: 0));
        harness.Flush(At(40));
        harness.Input(At(45), Ack(0, time: 0));
        harness.Input(At(80), Ack(1, time: 40, una: 4));
        Assert.Equal(0, recorder.Spurious);
    }

    [Fact]
    public void TheCongestionWindowLimitsRetransmissionsToo()
    {
        Recorder recorder = new() { Limit = 3 * Full };
        using ArqHarness harness = Make(recorder);
        harness.Session.Write(new byte[10 * Full]);
        Assert.Equal(3, harness.FlushSegments(At(0)).Count);
        recorder.Limit = Full;
        Assert.Equal([0u, 1u], harness.FlushSegments(At(200)).Select(segment => segment.Header.Sequence));
        harness.Input(At(240), Ack(1, time: 200));
        Assert.Empty(harness.FlushSegments(At(240)));
        harness.Input(At(241), Ack(0, time: 200, una: 2));
        Assert.Equal(2u, Assert.Single(harness.FlushSegments(At(241))).Header.Sequence);
    }

    [Fact]
    public void WhatHeldDataBackIsToldUntilTheNextFlushFindsOtherwise()
    {
        Recorder recorder = new() { Limit = 4 * Full };
        using ArqHarness harness = Make(recorder);
        harness.Session.Write(new byte[6 * Full]);
        harness.Flush(At(0));

        // Two datagrams of one batch: nothing could leave in between, so that the window was used up for both.
        harness.Input(At(40), Ack(0, time: 0, una: 1));
        harness.Input(At(40), Ack(1, time: 0, una: 2));
        Assert.Equal([true, true], recorder.Acks.Select(e => e.IsCongestionLimited));
        harness.Flush(At(40));
        harness.Input(At(41), Ack(2, time: 0, una: 3));
        Assert.False(recorder.Acks[^1].IsCongestionLimited);
    }

    [Fact]
    public void PacingSpreadsDataAtTheRateInSmallBursts()
    {
        // 13.26 MB of payload a second: ten full datagrams a millisecond.
        Recorder recorder = new() { Rate = 13_260_000 };
        using ArqHarness harness = Make(recorder);
        harness.Input(At(0), ArqHarness.Segment(SegmentCommand.WindowReport, window: 2000));
        harness.Session.Write(new byte[1000 * Full]);
        Timestamp now = At(0);
        int sent = 0;
        while (sent < 1000)
        {
            int burst = harness.Flush(now).Length;
            Assert.InRange(burst, 1, 11);
            sent += burst;
            Assert.False(harness.Session.HasPendingOutput(now));
            Assert.True(sent == 1000 || harness.Session.NextDeadline > now);
            now = harness.Session.NextDeadline;
        }

        Assert.InRange(recorder.Sent[^1].Now.Microseconds, 97_000, 101_000);
    }

    [Fact]
    public void ALateTimerCostsThePacerLittle()
    {
        Recorder recorder = new() { Rate = 13_260_000 };
        using ArqHarness harness = Make(recorder);
        harness.Input(At(0), ArqHarness.Segment(SegmentCommand.WindowReport, window: 2000));
        harness.Session.Write(new byte[1000 * Full]);
        for (int i = 0; i < 20; i++)
        {
            harness.Flush(At(3 * i));
        }

        // 57 ms at ten datagrams each, and one burst at the start.
        Assert.InRange(recorder.Sent.Count, 570, 585);
    }

    [Fact]
    public void ClassicControllerHalvesOnLossAndCollapsesOnTimeout()
    {
        ClassicController classic = new(segmentSize: 1000, fastResend: 2);
        for (int i = 0; i < 2000; i++)
        {
            classic.OnAck(new AckEvent
            {
                Now = At(i),
                Bytes = 1000,
                Segments = 1,
                IsCumulativeAdvance = true,
                Delivered = 1000 * (i + 1),
                Lost = 0,
                Rate = default,
                IsCongestionLimited = true,
                BytesInFlight = 0,
                RttMicroseconds = -1,
                SmoothedRttMicroseconds = 0,
                PeerWindowSegments = 40,
                SegmentSize = 1000,
            });
        }

        Assert.Equal((40, 40_000L), (classic.Segments, classic.Window));
        classic.OnLoss(Loss(isTimeout: false, outstanding: 30));
        Assert.Equal((17, 15), (classic.Segments, classic.SlowStartThreshold));
        classic.OnLoss(Loss(isTimeout: true, outstanding: 30));
        Assert.Equal((1, 8), (classic.Segments, classic.SlowStartThreshold));

        ClassicController withoutFast = new(segmentSize: 1000, fastResend: 0);
        withoutFast.OnLoss(Loss(isTimeout: false, outstanding: 30));
        Assert.Equal(14, withoutFast.Segments);
    }

    private static LossEvent Loss(bool isTimeout, int outstanding) => new()
    {
        Now = At(1),
        Bytes = 1000,
        Segments = 1,
        PriorBytesInFlight = 1000,
        IsTimeout = isTimeout,
        IsPersistentCongestion = false,
        NewestSentAt = At(0),
        SegmentSize = 1000,
        OutstandingSegments = outstanding,
        WindowSegments = 128,
    };

    private static ArqHarness Make(CongestionController controller, LossRecovery recovery = LossRecovery.Rack) => new(
        new ArqOptions
        {
            TimestampResolutionMicroseconds = 1000,
            SendWindow = 2000,
            Recovery = recovery,
            CopyThinStreams = false,
        },
        controller);

    private static Timestamp At(long milliseconds) => Timestamp.FromMilliseconds(milliseconds);

    private static byte[] Ack(uint sequence, uint time, uint una = 0) =>
        ArqHarness.Segment(SegmentCommand.Ack, sequence, una, time);

    private sealed class Recorder : CongestionController
    {
        public long Limit { get; set; } = long.MaxValue;

        public long Rate { get; set; }

        public List<SentEvent> Sent { get; } = [];

        public List<AckEvent> Acks { get; } = [];

        public List<LossEvent> Losses { get; } = [];

        public int Spurious { get; private set; }

        public override long Window => Limit;

        public override long PacingRate => Rate;

        public override void OnSent(in SentEvent e) => Sent.Add(e);

        public override void OnAck(in AckEvent e) => Acks.Add(e);

        public override void OnLoss(in LossEvent e) => Losses.Add(e);

        public override void OnSpuriousLoss(Timestamp now) => Spurious++;
    }
}
