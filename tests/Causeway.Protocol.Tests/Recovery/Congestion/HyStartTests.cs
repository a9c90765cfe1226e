using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>The phases of RFC 9406 section 4.2, a round at a time.</summary>
public sealed class HyStartTests
{
    private const int Segment = 1000;

    private readonly HyStart _hyStart = new();
    private long _delivered;

    [Theory]
    [InlineData(8_000, 4_000)] // An eighth would be 1 ms: at least 4 ms.
    [InlineData(80_000, 10_000)]
    [InlineData(400_000, 16_000)] // An eighth would be 50 ms: at most 16 ms.
    public void ARiseByAnEighthWithinBoundsMakesItConservative(long rtt, long threshold)
    {
        Round(rtt);
        Round(rtt + threshold - 1);
        Assert.False(_hyStart.IsConservative);

        Round(rtt);
        Round(rtt + threshold);
        Assert.True(_hyStart.IsConservative);
    }

    [Fact]
    public void ARiseIsOneFromRoundToRound()
    {
        for (int i = 0; i < 20; i++)
        {
            Round(80_000 + (i * 9_999));
            Assert.False(_hyStart.IsConservative);
        }
    }

    [Fact]
    public void GrowthIsAQuarterWhileItIsConservative()
    {
        Assert.Equal(1000, _hyStart.Growth(1000));
        Round(50_000);
        Round(70_000);
        Assert.Equal(250, _hyStart.Growth(1000));
    }

    [Fact]
    public void SevenSamplesOfARoundAreNotEnough()
    {
        Round(50_000);
        Round(90_000, samples: 7);
        Assert.False(_hyStart.IsConservative);
    }

    [Fact]
    public void OneSmallSampleMakesARoundSmall()
    {
        Round(50_000);
        Acknowledge(50_000, _delivered);
        for (int i = 0; i < 20; i++)
        {
            Acknowledge(90_000, _delivered - Segment);
        }

        Assert.False(_hyStart.IsConservative);
    }

    [Fact]
    public void ARoundLastsUntilDataIsAcknowledgedThatWasSentAfterItsBegin()
    {
        // 30 acknowledgements of one flight are one round, whatever they measure.
        for (int i = 0; i < 30; i++)
        {
            Acknowledge(50_000 + (i * 10_000), prior: 0);
        }

        Assert.False(_hyStart.IsConservative);
    }

    [Fact]
    public void FiveConservativeRoundsEndSlowStart()
    {
        Round(50_000);
        Round(70_000); // Its own round is the first of the five.
        for (int i = 0; i < 4; i++)
        {
            Round(70_000);
            Assert.False(_hyStart.IsFinished);
        }

        Round(70_000);
        Assert.True(_hyStart.IsFinished);
    }

    [Fact]
    public void RoundTripsThatFallAgainResumeSlowStart()
    {
        Round(50_000);
        Round(70_000);
        Round(70_000);
        Round(69_999);
        Assert.False(_hyStart.IsConservative);

        // The count of rounds begins anew, and the baseline is the new one.
        Round(90_000);
        for (int i = 0; i < 4; i++)
        {
            Round(90_000);
            Assert.True(_hyStart.IsConservative);
            Assert.False(_hyStart.IsFinished);
        }

        Round(90_000);
        Assert.True(_hyStart.IsFinished);
    }

    [Fact]
    public void AcknowledgementsWithoutASampleCountForNothing()
    {
        Round(50_000);
        for (int i = 0; i < 20; i++)
        {
            Acknowledge(-1, _delivered);
        }

        Assert.False(_hyStart.IsConservative);
    }

    private void Round(long rtt, int samples = 8)
    {
        // All of a round's segments left when the last round ended.
        long prior = _delivered;
        for (int i = 0; i < samples; i++)
        {
            Acknowledge(rtt, prior);
        }
    }

    private void Acknowledge(long rtt, long prior)
    {
        _delivered += Segment;
        _hyStart.OnAck(new AckEvent
        {
            Now = Timestamp.Zero,
            Bytes = Segment,
            Segments = 1,
            IsCumulativeAdvance = true,
            Delivered = _delivered,
            Lost = 0,
            Rate = new RateSample { PriorDelivered = prior, Delivered = _delivered - prior },
            IsCongestionLimited = true,
            BytesInFlight = 0,
            RttMicroseconds = rtt,
            SmoothedRttMicroseconds = 50_000,
            PeerWindowSegments = 1000,
            SegmentSize = Segment,
        });
    }
}
