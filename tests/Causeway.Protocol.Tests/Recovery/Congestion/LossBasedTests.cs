using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>What holds for Cubic and NewReno alike.</summary>
public sealed class LossBasedTests
{
    private const int Segment = ControllerDriver.Segment;

    // What is left of the window, in percent.
    public static TheoryData<string, int> AfterLoss => new() { { "cubic", 70 }, { "newreno", 50 } };

    public static TheoryData<string, int> AfterMark => new() { { "cubic", 85 }, { "newreno", 80 } };

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void TheFirstWindowIsTenSegmentsAndDoublesEachRoundTrip(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        Assert.Equal(10 * Segment, driver.Controller.Window);
        driver.Round();
        Assert.Equal(20 * Segment, driver.Controller.Window);
        driver.Round();
        Assert.Equal(40 * Segment, driver.Controller.Window);
        driver.Lose();
        Assert.Equal(40 * Segment * afterLoss / 100, driver.Controller.Window);
    }

    [Theory]
    [MemberData(nameof(AfterMark))]
    public void NothingGrowsWhileTheWindowIsNotUsedUp(string name, int afterMark)
    {
        ControllerDriver driver = Make(name);
        driver.Round(limited: false);
        Assert.Equal(10 * Segment, driver.Controller.Window);
        driver.SlowStartTo(100);
        driver.Mark();
        Assert.Equal(afterMark, driver.WindowSegments);
        for (int i = 0; i < 20; i++)
        {
            driver.Round(limited: false);
        }

        Assert.Equal(afterMark * Segment, driver.Controller.Window);
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void OneRoundTripOfLossesReducesOnce(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose(sentMicrosecondsAgo: 100_000);
        Assert.Equal(afterLoss * Segment, driver.Controller.Window);
        driver.Wait(50_000);
        driver.Lose(sentMicrosecondsAgo: 60_000);
        driver.Lose(sentMicrosecondsAgo: 50_000);
        driver.Mark();
        Assert.Equal(afterLoss * Segment, driver.Controller.Window);

        // What was sent after the reduction and is lost all the same reduces again.
        driver.Lose(sentMicrosecondsAgo: 49_999);
        Assert.Equal(afterLoss * afterLoss * Segment / 100, driver.Controller.Window);
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void AcknowledgementsOfWhatWasSentBeforeAReductionDoNotOpenTheWindow(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose();
        for (int i = 0; i < 200; i++)
        {
            driver.Wait(1000);
            driver.Acknowledge(priorDelivered: 1000);
        }

        Assert.Equal(afterLoss * Segment, driver.Controller.Window);
        for (int i = 0; i < 200; i++)
        {
            driver.Wait(1000);
            driver.Acknowledge();
        }

        Assert.InRange(driver.Controller.Window, (afterLoss * Segment) + 1, 110 * Segment);
    }

    [Theory]
    [MemberData(nameof(AfterMark))]
    public void MarksReduceLessThanLossesAndOnceARoundTrip(string name, int afterMark)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Mark();
        driver.Mark();
        driver.Wait(10_000);
        driver.Acknowledge(priorDelivered: 1000);
        driver.Mark();
        Assert.Equal(afterMark * Segment, driver.Controller.Window);

        // A segment is acknowledged that left after the reduction. The first report then may be about earlier ones too.
        driver.Acknowledge(limited: false);
        driver.Mark();
        Assert.Equal(afterMark * Segment, driver.Controller.Window);
        driver.Mark();
        Assert.Equal(afterMark * afterMark * Segment / 100, driver.Controller.Window);
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void ATimeoutLeavesTwoSegmentsAndSlowStartsToTheThreshold(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose(sentMicrosecondsAgo: 300_000, timeout: true);
        Assert.Equal((2L * Segment, afterLoss * Segment), (driver.Controller.Window, Threshold(driver)));

        // Timeouts in a row leave the threshold alone; so does one that persists.
        driver.Wait(300_000);
        driver.Lose(sentMicrosecondsAgo: 299_999, timeout: true);
        driver.Wait(600_000);
        driver.Lose(sentMicrosecondsAgo: 599_999, timeout: true, persistent: true);
        Assert.Equal((2L * Segment, afterLoss * Segment), (driver.Controller.Window, Threshold(driver)));
        driver.Round();
        Assert.Equal(4 * Segment, driver.Controller.Window);
        for (int i = 0; i < 4; i++)
        {
            driver.Round();
        }

        // The first acknowledgement beyond the threshold grows by congestion avoidance.
        Assert.Equal(Math.Min(64, afterLoss), driver.WindowSegments);
        driver.Round();
        Assert.InRange(driver.WindowSegments, afterLoss, afterLoss + 1);
    }

    [Theory]
    [InlineData("cubic")]
    [InlineData("newreno")]
    public void WhatWasSentInATimeoutsTurnCountsAsNewOnceAcknowledged(string name)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose(sentMicrosecondsAgo: 300_000, timeout: true);
        driver.Wait(100_000);
        driver.Acknowledge();

        // Something was acknowledged in between, so that this one is a new congestion of a window of three.
        driver.Wait(400_000);
        driver.Lose(sentMicrosecondsAgo: 300_000, timeout: true);
        Assert.Equal(2 * Segment, driver.Controller.Window);
        Assert.InRange(Threshold(driver), 2 * Segment, 3 * Segment);
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void ASpuriousLossIsUndoneOnce(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose();
        driver.FindSpurious();
        Assert.Equal((100L * Segment, long.MaxValue), (driver.Controller.Window, Threshold(driver)));

        // What the reduction covered may be lost in earnest.
        driver.Lose(sentMicrosecondsAgo: 1000);
        Assert.Equal(afterLoss * Segment, driver.Controller.Window);
        driver.FindSpurious();
        driver.FindSpurious();
        Assert.Equal(100 * Segment, driver.Controller.Window);
        driver.Lose(timeout: true);
        driver.FindSpurious();
        Assert.Equal((100L * Segment, long.MaxValue), (driver.Controller.Window, Threshold(driver)));
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void NothingIsUndoneThatMarksOrSilenceConfirmed(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose();
        driver.Mark();
        driver.FindSpurious();
        Assert.Equal(afterLoss * Segment, driver.Controller.Window);

        driver = Make(name);
        driver.SlowStartTo(100);
        driver.Lose(sentMicrosecondsAgo: 1, timeout: true);
        driver.Lose(timeout: true, persistent: true);
        driver.FindSpurious();
        Assert.Equal(2 * Segment, driver.Controller.Window);
    }

    [Theory]
    [InlineData("cubic")]
    [InlineData("newreno")]
    public void TheWindowNeverFallsBelowTwoSegments(string name)
    {
        ControllerDriver driver = Make(name);
        for (int i = 0; i < 20; i++)
        {
            driver.Wait(200_000);
            driver.Lose();
            Assert.InRange(driver.Controller.Window, 2 * Segment, 7 * Segment);
        }

        driver.Acknowledge(limited: false);
        driver.Mark();
        Assert.Equal(2 * Segment, driver.Controller.Window);
    }

    [Theory]
    [MemberData(nameof(AfterLoss))]
    public void PacingIsTwoWindowsARoundTripInSlowStartAndAQuarterMoreThanOneThen(string name, int afterLoss)
    {
        ControllerDriver driver = Make(name);
        Assert.Equal(0, driver.Controller.PacingRate);
        driver.SlowStartTo(100);
        Assert.Equal(100 * Segment * 2 * 10, driver.Controller.PacingRate);
        driver.Lose();
        Assert.Equal(afterLoss * Segment * 10 * 5 / 4, driver.Controller.PacingRate);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void ASegmentHasBytes(int segmentSize)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CubicController(segmentSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NewRenoController(segmentSize));
    }

    private static ControllerDriver Make(string name) => new(CongestionControllers.ByName(name)(Segment));

    private static long Threshold(ControllerDriver driver) => driver.Controller switch
    {
        CubicController cubic => cubic.SlowStartThreshold,
        NewRenoController reno => reno.SlowStartThreshold,
        _ => throw new InvalidOperationException(),
    };
}
