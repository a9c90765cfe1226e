using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class LossDetectorTests
{
    private const long Rtt = 40_000;

    [Fact]
    public void ASegmentIsSkippedByLaterTransmissionsOnly()
    {
        LossDetector detector = new(fastResend: 2);
        SendSegment segment = Segment(5);
        Assert.False(detector.IsSkipped(segment));
        detector.OnAcknowledged(4, Rtt);
        detector.OnAcknowledged(5, Rtt);
        Assert.False(detector.IsSkipped(segment));
        detector.OnAcknowledged(6, Rtt);
        Assert.True(detector.IsSkipped(segment));
    }

    [Theory]
    [InlineData(0, 100, false)]
    [InlineData(1, 1, true)]
    [InlineData(2, 1, false)]
    [InlineData(2, 2, true)]
    [InlineData(5, 4, false)]
    [InlineData(5, 5, true)]
    public void SkippedEnoughIsAsOftenAsTheOptionSays(int fastResend, int skips, bool expected)
    {
        // Newest first: the order in which acknowledgements come does not matter.
        LossDetector detector = new(fastResend);
        for (int i = skips; i > 0; i--)
        {
            detector.OnAcknowledged(10 + i, Rtt);
        }

        Assert.Equal(expected, detector.IsSkippedEnough(Segment(10)));
        Assert.True(detector.IsSkipped(Segment(10)));
    }

    [Fact]
    public void OlderTransmissionsDoNotPushNewerOnesOut()
    {
        LossDetector detector = new(fastResend: 2);
        foreach (long transmission in new long[] { 20, 30, 5, 6, 7, 25 })
        {
            detector.OnAcknowledged(transmission, Rtt);
        }

        Assert.True(detector.IsSkippedEnough(Segment(24)));
        Assert.False(detector.IsSkippedEnough(Segment(25)));
        Assert.True(detector.IsSkipped(Segment(29)));
    }

    [Fact]
    public void TheRoundTripOfTheNewestTransmissionCounts()
    {
        LossDetector detector = new(fastResend: 2);
        SendSegment segment = Segment(1);
        Assert.True(detector.LateDueAt(segment, Rtt).IsNever);
        Assert.True(detector.EarlyDueAt(segment, segment.SentAt, Rtt).IsNever);
        detector.OnAcknowledged(10, 30_000);
        detector.OnAcknowledged(9, 99_000);
        detector.OnAcknowledged(11, -1);
        Assert.Equal(30_000 + (Rtt / 4), detector.LateDueAt(segment, Rtt).MicrosecondsSince(segment.SentAt));
    }

    [Fact]
    public void NewDataPostponesTheEarlyRuleByARoundTrip()
    {
        LossDetector detector = new(fastResend: 2);
        SendSegment segment = Segment(1);
        detector.OnAcknowledged(10, Rtt);
        Assert.Equal(Rtt + (Rtt / 4), detector.EarlyDueAt(segment, new Timestamp(0), Rtt).MicrosecondsSince(segment.SentAt));
        Timestamp newData = segment.SentAt.AddMicroseconds(30_000);
        Assert.Equal(Rtt + (Rtt / 4), detector.EarlyDueAt(segment, newData, Rtt).MicrosecondsSince(newData));
    }

    [Fact]
    public void NeedlessRetransmissionsMakeItPatientOneStepARoundTrip()
    {
        LossDetector detector = new(fastResend: 2);
        SendSegment segment = Segment(1);
        detector.OnAcknowledged(10, Rtt);
        Assert.Equal(segment.SentAt, detector.FastDueAt(segment, Rtt));
        for (int step = 1; step <= 6; step++)
        {
            Timestamp now = new(1_000_000 + (step * Rtt));
            detector.OnSpurious(now, Rtt);
            detector.OnSpurious(now.AddMicroseconds(Rtt - 1), Rtt);
            long expected = Rtt + (Rtt / 4 * Math.Min(step, 4));
            Assert.Equal(expected, detector.FastDueAt(segment, Rtt).MicrosecondsSince(segment.SentAt));
        }
    }

    [Fact]
    public void SixteenLossesWithoutANeedlessOneEndThePatience()
    {
        LossDetector detector = new(fastResend: 2);
        SendSegment segment = Segment(1);
        detector.OnAcknowledged(10, Rtt);
        detector.OnSpurious(new Timestamp(1_000_000), Rtt);
        for (int i = 0; i < 15; i++)
        {
            detector.OnLoss();
        }

        detector.OnSpurious(new Timestamp(1_000_001), Rtt);
        for (int i = 0; i < 15; i++)
        {
            detector.OnLoss();
        }

        Assert.NotEqual(segment.SentAt, detector.FastDueAt(segment, Rtt));
        detector.OnLoss();
        Assert.Equal(segment.SentAt, detector.FastDueAt(segment, Rtt));
    }

    [Fact]
    public void ParityThatMayYetComeIsWaitedFor()
    {
        LossDetector detector = new(fastResend: 2) { RepairDelay = 25_000 };
        SendSegment segment = Segment(1);
        detector.OnAcknowledged(10, Rtt);
        Assert.Equal(Rtt + 25_000, detector.FastDueAt(segment, Rtt).MicrosecondsSince(segment.SentAt));
        Assert.Equal(Rtt + 25_000, detector.LateDueAt(segment, Rtt).MicrosecondsSince(segment.SentAt));
        detector.RepairDelay = 1_000;
        Assert.Equal(Rtt + (Rtt / 4), detector.LateDueAt(segment, Rtt).MicrosecondsSince(segment.SentAt));
    }

    private static SendSegment Segment(long transmission) => new() { Transmission = transmission, SentAt = new Timestamp(500_000) };
}
