using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class ThinStreamCopiesTests : IDisposable
{
    private const double Lossy = 0.02;
    private const long Rtt = 40_000;
    private readonly PacketPool _pool = new(track: true);
    private readonly List<SendSegment> _segments = [];

    public void Dispose()
    {
        _segments.ForEach(static segment => segment.Buffer!.Release());
        _pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(0.0049, false)]
    [InlineData(0.005, true)]
    [InlineData(0.3, true)]
    public void APathThatLosesNextToNothingNeedsNone(double loss, bool expected) =>
        Assert.Equal(expected, !new ThinStreamCopies().DueAt(Segment(100, 1, 0), loss, Rtt, 0).IsNever);

    [Theory]
    [InlineData(40_000, 5_000)]
    [InlineData(4_000, 1_000)]
    [InlineData(400_000, 10_000)]
    public void TheFirstFollowsAnEighthOfARoundTripLater(long rtt, long expected) =>
        Assert.Equal(expected, new ThinStreamCopies().DueAt(Segment(100, 1, 0), Lossy, rtt, 0).Microseconds);

    [Theory]
    [InlineData(0, 250)]
    [InlineData(100, 250)]
    [InlineData(3_000, 6_000)]
    public void TheSecondFollowsWhenTheAcknowledgementOfTheFirstTransmissionFailsToCome(long variance, long margin) =>
        Assert.Equal(Rtt + margin, new ThinStreamCopies().DueAt(Segment(100, 2, 0), Lossy, Rtt, variance).Microseconds);

    [Fact]
    public void ThereIsNoThird() => Assert.True(new ThinStreamCopies().DueAt(Segment(100, 3, 0), Lossy, Rtt, 0).IsNever);

    [Fact]
    public void TheyCostNoMoreThanTheirRateAfterABurst()
    {
        // 8 KiB at once, then 32 KiB a second.
        ThinStreamCopies copies = new();
        for (int i = 0; i < 8; i++)
        {
            Assert.False(copies.DueAt(Segment(1024, 1, 1_000_000), Lossy, Rtt, 0).IsNever);
            copies.OnSent(1024, new Timestamp(1_000_000));
        }

        Assert.True(copies.DueAt(Segment(1024, 1, 1_000_000), Lossy, Rtt, 0).IsNever);
        Assert.True(copies.DueAt(Segment(1024, 1, 1_000_000 + 31_000), Lossy, Rtt, 0).IsNever);
        Assert.False(copies.DueAt(Segment(1024, 1, 1_000_000 + 31_250), Lossy, Rtt, 0).IsNever);

        // However long it is quiet, no more than a burst is saved up.
        for (int i = 0; i < 8; i++)
        {
            copies.OnSent(1024, new Timestamp(3_600_000_000));
        }

        Assert.True(copies.DueAt(Segment(1, 1, 3_600_000_000), Lossy, Rtt, 0).IsNever);
    }

    private SendSegment Segment(int length, int transmissions, long sentAt)
    {
        SendSegment segment = new()
        {
            Buffer = _pool.Rent(),
            Transmissions = transmissions,
            FirstSentAt = new Timestamp(sentAt),
            SentAt = new Timestamp(sentAt),
        };
        segment.Buffer.Append(length);
        _segments.Add(segment);
        return segment;
    }
}
