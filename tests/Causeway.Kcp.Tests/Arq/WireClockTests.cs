using Causeway.Kcp.Wire;
using Causeway.Protocol;

namespace Causeway.Kcp.Tests.Arq;

public sealed class WireClockTests
{
    [Theory]
    [InlineData(1, 1_999, 1_999u)]
    [InlineData(1_000, 1_999, 1u)]
    [InlineData(1, (1L << 32) + 5, 5u)]
    [InlineData(10_000, -10_000, uint.MaxValue)]
    public void TicksAreWholeUnitsAndWrap(long resolution, long microseconds, uint expected) =>
        Assert.Equal(expected, new WireClock(resolution).ToTicks(new Timestamp(microseconds)));

    [Theory]
    [InlineData(1, 10u, 25u, 15)]
    [InlineData(1_000, 10u, 25u, 15_000)]
    [InlineData(1_000, uint.MaxValue, 1u, 2_000)]
    [InlineData(1_000, 3u, 1u, -2_000)]
    public void EchoesTellMicrosecondsAcrossTheWrap(long resolution, uint time, uint now, long expected) =>
        Assert.Equal(expected, new WireClock(resolution).MicrosecondsSince(time, now));
}
