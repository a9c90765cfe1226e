using Causeway.Protocol.Recovery;

namespace Causeway.Protocol.Tests.Recovery;

public sealed class PacerTests
{
    private const int Datagram = 1000;
    private const long Rate = 10_000_000;

    [Fact]
    public void WithoutARateEverythingMayLeave()
    {
        Pacer pacer = new(Datagram);
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(pacer.CanSend(0, At(0)));
            pacer.OnSent(Datagram);
        }

        Assert.False(pacer.IsWaiting);
    }

    [Theory]
    [InlineData(10_000_000, 10)]
    [InlineData(100_000_000, 100)]
    [InlineData(100_000, 2)]
    public void ABurstIsAMillisecondOrTwoDatagrams(long rate, int expected)
    {
        Pacer pacer = new(Datagram);
        Assert.Equal(expected, SendAll(pacer, rate, At(0)));
        Assert.True(pacer.IsWaiting);

        // A whole burst later, no sooner.
        Timestamp ready = pacer.ReadyAt;
        Assert.Equal(Math.Max(1000, Datagram * 1_000_000L / rate), ready.Microseconds);
        Assert.Equal(0, SendAll(pacer, rate, ready.AddMicroseconds(-1)));
        Assert.InRange(SendAll(pacer, rate, ready), 1, expected);
    }

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(10_000_000)]
    [InlineData(1_000_000_000)]
    public void OverASecondTheRateIsKept(long rate)
    {
        Pacer pacer = new(Datagram);
        long sent = SendAll(pacer, rate, At(0));
        for (Timestamp now = pacer.ReadyAt; now < Timestamp.FromMilliseconds(1000); now = pacer.ReadyAt)
        {
            int more = SendAll(pacer, rate, now);
            Assert.True(more > 0, $"nothing may leave at {now}, when it was said to");
            sent += more;
        }

        Assert.InRange(sent * Datagram, rate, rate + Math.Max(rate / 500, 4 * Datagram));
    }

    [Fact]
    public void ALateTimerIsMadeUpForWithinFourBursts()
    {
        Pacer pacer = new(Datagram);
        SendAll(pacer, Rate, At(0));
        Assert.Equal(30, SendAll(pacer, Rate, At(3000)));
        Assert.Equal(40, SendAll(pacer, Rate, At(3000 + 500_000)));
    }

    [Fact]
    public void WhoDidNotWaitSavesUpNoMoreThanABurst()
    {
        Pacer pacer = new(Datagram);
        Assert.True(pacer.CanSend(Rate, At(0)));
        pacer.OnSent(Datagram);
        Assert.False(pacer.IsWaiting);
        Assert.Equal(10, SendAll(pacer, Rate, At(500_000)));
    }

    [Fact]
    public void AHigherRateEndsTheWaitSooner()
    {
        Pacer pacer = new(Datagram);
        SendAll(pacer, 100_000, At(0));
        Timestamp slow = pacer.ReadyAt;
        Assert.False(pacer.CanSend(Rate, At(0)));
        Assert.True(pacer.ReadyAt < slow);
        Assert.True(pacer.CanSend(0, At(0)));
        Assert.False(pacer.IsWaiting);
    }

    [Fact]
    public void HugeRatesAndPausesDoNotOverflow()
    {
        Pacer pacer = new(Datagram);
        Assert.True(pacer.CanSend(long.MaxValue, At(0)));
        pacer.OnSent(int.MaxValue);
        Assert.False(pacer.CanSend(long.MaxValue, At(0)));
        Assert.True(pacer.CanSend(long.MaxValue, new Timestamp(long.MaxValue / 2)));
    }

    private static Timestamp At(long microseconds) => new(microseconds);

    private static int SendAll(Pacer pacer, long rate, Timestamp now)
    {
        int sent = 0;
        for (; pacer.CanSend(rate, now); sent++)
        {
            pacer.OnSent(Datagram);
        }

        return sent;
    }
}
