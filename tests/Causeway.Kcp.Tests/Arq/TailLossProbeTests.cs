using Causeway.Kcp.Arq;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class TailLossProbeTests
{
    [Theory]
    [InlineData(40_000, 5_000, 200_000, 40_000 + 20_000 + 2_000)]
    [InlineData(40_000, 0, 200_000, 40_000 + 1_000 + 2_000)]
    [InlineData(40_000, 100, 200_000, 40_000 + 1_000 + 2_000)]
    [InlineData(40_000, 50_000, 100_000, 100_000)]
    public void ItIsDueALittleMoreThanARoundTripAfterTheLastTransmission(long smoothedRtt, long variance, long rto, long expected)
    {
        SendSegment waiting = new() { SentAt = new Timestamp(1_000_000) };
        Assert.Equal(expected, new TailLossProbe().DueAt(waiting, smoothedRtt, variance, rto).MicrosecondsSince(waiting.SentAt));
    }

    [Fact]
    public void WithoutASampleThereIsNothingToGoBy() =>
        Assert.True(new TailLossProbe().DueAt(new SendSegment(), smoothedRtt: 0, variance: 0, rto: 200_000).IsNever);

    [Fact]
    public void OneIsOutUntilSomethingIsAcknowledged()
    {
        TailLossProbe probe = new();
        SendSegment waiting = new() { SentAt = new Timestamp(1_000_000) };
        Assert.False(probe.IsOutstanding);
        probe.OnSent();
        Assert.True(probe.IsOutstanding);
        Assert.True(probe.DueAt(waiting, 40_000, 0, 200_000).IsNever);
        probe.OnProgress();
        Assert.False(probe.IsOutstanding);
        Assert.False(probe.DueAt(waiting, 40_000, 0, 200_000).IsNever);
    }
}
