using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

public sealed class NewRenoControllerTests
{
    private const int Segment = ControllerDriver.Segment;

    [Fact]
    public void AvoidanceAddsExactlyOneSegmentForEachWindowOfBytes()
    {
        ControllerDriver driver = new(new NewRenoController(Segment));
        driver.SlowStartTo(20);
        driver.Lose();
        Assert.Equal(10 * Segment, driver.Controller.Window);
        for (int window = 10; window < 60; window++)
        {
            driver.Acknowledge(bytes: (window * Segment) - 1);
            Assert.Equal(window * Segment, driver.Controller.Window);
            driver.Acknowledge(bytes: 1);
            Assert.Equal((window + 1) * Segment, driver.Controller.Window);
        }
    }

    [Fact]
    public void BytesAcknowledgedBeforeALossDoNotCountAfterIt()
    {
        ControllerDriver driver = new(new NewRenoController(Segment));
        driver.SlowStartTo(20);
        driver.Lose();
        driver.Acknowledge(bytes: 9 * Segment);
        driver.Wait(100_000);
        driver.Lose();
        driver.Acknowledge(bytes: 4 * Segment);
        Assert.Equal(5 * Segment, driver.Controller.Window);
    }

    [Fact]
    public void OneHugeAcknowledgementGrowsByOneSegment()
    {
        ControllerDriver driver = new(new NewRenoController(Segment));
        driver.SlowStartTo(20);
        driver.Lose();
        driver.Acknowledge(bytes: 1000 * Segment);
        Assert.Equal(11 * Segment, driver.Controller.Window);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void HyStartIsAnOption(bool useHyStart)
    {
        NewRenoController reno = new(Segment, useHyStart);
        ControllerDriver driver = new(reno);
        driver.Round();
        driver.Round();
        driver.Rtt = 120_000;
        for (int i = 0; i < 6; i++)
        {
            driver.Round();
        }

        Assert.Equal(useHyStart, !reno.IsSlowStart);
    }
}
