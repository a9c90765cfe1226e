using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>What counts as the nature of a path.</summary>
public sealed class LossBaselineTests
{
    private const int Segment = 1000;

    [Fact]
    public void AnEmptyOneExplainsNothing()
    {
        LossBaseline baseline = new(Segment);
        Assert.Equal((0.0, 0.0), (baseline.Rate, baseline.Explains(1_000_000)));
    }

    [Fact]
    public void CalmRoundsGiveTheRateAndChanceAnAllowance()
    {
        LossBaseline baseline = Learned(lost: 5, runs: 5, rounds: 20);
        Assert.Equal(0.05, baseline.Rate, 3);
        Assert.Equal(5 * Segment, baseline.Expected(100 * Segment), 3);

        // Two standard deviations of a binomial count of 100 at 5 %: 2.18 each.
        Assert.Equal((5 + (2 * Math.Sqrt(100 * 0.05 * 0.95))) * Segment, baseline.Explains(100 * Segment), 1);
        Assert.Equal((5 + (4 * Math.Sqrt(100 * 0.05 * 0.95))) * Segment, baseline.Explains(100 * Segment, allowance: 2), 1);
    }

    [Fact]
    public void LossesInRunsVaryMore() =>
        Assert.InRange(
            Learned(lost: 5, runs: 1, rounds: 60).Explains(100 * Segment),
            Learned(lost: 5, runs: 5, rounds: 60).Explains(100 * Segment) * 1.5,
            double.MaxValue);

    [Fact]
    public void AFewSegmentsProveNoRate()
    {
        LossBaseline baseline = new(Segment);
        baseline.AddRound(2 * Segment, 2, 10 * Segment);
        Assert.Equal(0.02, baseline.Rate, 3);
    }

    [Fact]
    public void NoStretchOfTimeMayHaveLostMuchLess()
    {
        LossBaseline baseline = Learned(lost: 10, runs: 10, rounds: 20);
        baseline.Observe(0, 600 * Segment);
        Assert.InRange(baseline.Rate, 0, 0.01);

        // Four stretches later that one is forgotten.
        for (int i = 0; i < 4; i++)
        {
            baseline.Observe(60 * Segment, 600 * Segment);
        }

        Assert.Equal(0.1, baseline.Rate, 3);
    }

    [Fact]
    public void WhatIsNotConfirmedFades()
    {
        LossBaseline confirmed = Learned(lost: 5, runs: 5, rounds: 20);
        LossBaseline doubtful = Learned(lost: 5, runs: 5, rounds: 20);
        for (int i = 0; i < 3; i++)
        {
            confirmed.Age(wasConfirmed: true);
            doubtful.Age(wasConfirmed: false);
        }

        Assert.Equal(0.05, confirmed.Rate, 3);
        Assert.InRange(doubtful.Rate, 0, 0.05 / 7);
    }

    [Fact]
    public void BeyondAQuarterItIsCongestionWhateverItIs() =>
        Assert.InRange(Learned(lost: 60, runs: 60, rounds: 20).Rate, 0, 0.25);

    private static LossBaseline Learned(int lost, int runs, int rounds)
    {
        LossBaseline baseline = new(Segment);
        for (int i = 0; i < rounds; i++)
        {
            baseline.AddRound(lost * Segment, runs, 100 * Segment);
        }

        return baseline;
    }
}
