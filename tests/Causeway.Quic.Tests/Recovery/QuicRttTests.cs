using Causeway.Quic.Recovery;

namespace Causeway.Quic.Tests.Recovery;

/// <summary>RFC 9002, 5.</summary>
public sealed class QuicRttTests
{
    private readonly QuicRtt _rtt = new();

    [Fact]
    public void BeginsWithTheInitialValue()
    {
        Assert.False(_rtt.HasSample);
        Assert.Equal(333_000, _rtt.Smoothed);
        Assert.Equal(166_500, _rtt.Variation);
        Assert.Equal(333_000 + (4 * 166_500), _rtt.ProbeTimeout);
    }

    [Fact]
    public void TheFirstSampleCountsAsItIs()
    {
        _rtt.Add(100_000, ackDelay: 20_000);
        Assert.Equal((100_000, 100_000, 50_000), (_rtt.Shortest, _rtt.Smoothed, _rtt.Variation));
    }

    [Fact]
    public void LaterSamplesAreSmoothedWithoutThePeersDelay()
    {
        _rtt.Add(100_000, 0);
        _rtt.Add(140_000, ackDelay: 20_000);

        // rttvar = 3/4 * 50 + 1/4 * |100 - 120|; smoothed_rtt = 7/8 * 100 + 1/8 * 120.
        Assert.Equal((42_500, 102_500), (_rtt.Variation, _rtt.Smoothed));
        Assert.Equal(100_000, _rtt.Shortest);
        Assert.Equal(140_000, _rtt.Latest);
    }

    [Fact]
    public void ADelayThatWouldGoBelowTheShortestSampleIsNotTakenOff()
    {
        _rtt.Add(100_000, 0);
        _rtt.Add(110_000, ackDelay: 20_000);
        Assert.Equal(101_250, _rtt.Smoothed);
    }

    [Fact]
    public void TheShortestSampleIgnoresThePeersDelay()
    {
        _rtt.Add(100_000, 0);
        _rtt.Add(80_000, ackDelay: 30_000);
        Assert.Equal(80_000, _rtt.Shortest);
    }

    [Fact]
    public void LossWaitsNineEighthsOfTheLongerRoundTripAndAMillisecondAtLeast()
    {
        _rtt.Add(80_000, 0);
        Assert.Equal(90_000, _rtt.LossDelay(9));
        QuicRtt fast = new();
        fast.Add(100, 0);
        Assert.Equal(1_000, fast.LossDelay(9));
        Assert.Equal(100 + 1_000, fast.ProbeTimeout);
    }

    [Fact]
    public void AnotherPathBeginsAnew()
    {
        _rtt.Add(80_000, 0);
        _rtt.Reset();
        Assert.False(_rtt.HasSample);
        Assert.Equal(333_000, _rtt.Smoothed);
    }

    /// <summary>What was measured with a server whose client's acknowledgements were lost for sixteen seconds.</summary>
    [Theory]
    [InlineData(16_894_354, 16_652_968, 333_000)]
    [InlineData(16_894_354, 16_000_000, 894_354)]
    [InlineData(16_894_354, long.MaxValue, 333_000)]
    [InlineData(16_894_354, 0, 16_894_354)]
    [InlineData(900_000, 890_000, 900_000)]
    public void AFirstSampleThatCameLateIsNotWhatTimeoutsFollow(long sample, long ackDelay, long expected)
    {
        QuicRtt rtt = new();
        rtt.Add(sample, ackDelay);
        Assert.Equal((expected, expected / 2, sample), (rtt.Smoothed, rtt.Variation, rtt.Shortest));
    }
}
