using Causeway.Kcp.Arq;
using Causeway.Protocol.Recovery;

namespace Causeway.Protocol.Tests.Arq;

/// <summary>The share of segments that were lost.</summary>
public sealed class LossMeterTests
{
    [Theory]
    [InlineData(0, 1.0 / 32)]
    [InlineData(68, 1.0 / 100)]
    [InlineData(1000, 1.0 / 256)]
    public void ALossAmongFewWeighsMore(int before, double expected)
    {
        LossMeter meter = new();
        for (int i = 0; i < before; i++)
        {
            meter.Add(wasLost: false);
        }

        Assert.Equal(0, meter.Rate);
        meter.Add(wasLost: true);
        Assert.Equal(expected, meter.Rate, 1e-12);
    }

    [Theory]
    [InlineData(0.01)]
    [InlineData(0.05)]
    [InlineData(0.5)]
    public void ItFindsTheShare(double share)
    {
        LossMeter meter = new();
        Random random = new(1);
        double sum = 0;
        const int Segments = 20_000;
        for (int i = 0; i < Segments; i++)
        {
            meter.Add(random.NextDouble() < share);
            sum += meter.Rate;
        }

        Assert.InRange(sum / Segments, share * 0.9, share * 1.1);
    }
}
