using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.Protocol.Tests.Congestion;

public sealed class CubicControllerTests
{
    private const int Segment = ControllerDriver.Segment;

    [Fact]
    public void ALossBelowTheLastPlateauLowersThePlateau()
    {
        // After the second loss the curve is flat at 0.85 of the window, not at the window (RFC 9438 section 4.7): K is
        // cbrt((0.85 - 0.7) x 80 / 0.4) s = 3.107 s, and without it cbrt(0.3 x 80 / 0.4) s = 3.915 s.
        ControllerDriver driver = AfterLossAt(100, rtt: 200_000);
        while (driver.WindowSegments < 80)
        {
            driver.Round();
        }

        driver.Lose();
        double start = driver.Controller.Window;
        driver.Acknowledge();
        double elapsed = 0;
        double flattest = double.MaxValue;
        double flattestAt = 0;
        while (elapsed < 6)
        {
            long before = driver.Controller.Window;
            driver.Round();
            elapsed += 0.2;
            double growth = (driver.Controller.Window - before) / (double)before;
            if (growth < flattest)
            {
                (flattest, flattestAt) = (growth, elapsed);
            }
        }

        Assert.InRange(start, 56_000, 57_500);
        Assert.InRange(flattestAt, 2.8, 3.6);
    }

    [Fact]
    public void ALossAboveTheLastPlateauIsTheNewPlateau()
    {
        ControllerDriver driver = AfterLossAt(100, rtt: 200_000);
        while (driver.WindowSegments < 120)
        {
            driver.Round();
        }

        driver.Lose();
        double plateau = driver.Controller.Window / 0.7;
        double seconds = Math.Cbrt(0.3 * plateau / Segment / 0.4);
        for (double elapsed = 0; elapsed < seconds; elapsed += 0.2)
        {
            driver.Round();
        }

        Assert.InRange(driver.Controller.Window, 0.98 * plateau, 1.02 * plateau);
    }

    [Fact]
    public void OnAShortPathItGrowsAsRenoWould()
    {
        // 5 ms: in the time that Reno needs from 70 to 100 segments the curve has not moved (section 4.3).
        ControllerDriver driver = AfterLossAt(100, rtt: 5_000);
        List<long> windows = [];
        for (int i = 0; i < 90; i++)
        {
            long before = driver.Controller.Window;
            driver.Round();
            windows.Add(driver.Controller.Window - before);
        }

        // 3 (1 - 0.7) / (1 + 0.7) segments a round trip up to where the loss was, one segment beyond it.
        const double Increase = 3 * 0.3 / 1.7 * Segment;
        Assert.All(windows.Skip(5).Take(45), growth => Assert.InRange(growth, Increase * 0.97, Increase * 1.01));
        Assert.All(windows.TakeLast(20), growth => Assert.InRange(growth, Segment * 0.97, Segment * 1.01));
    }

    [Fact]
    public void TheWindowGrowsByNoMoreThanHalfInARoundTrip()
    {
        // A round trip of 20 s: the curve is far above at once (section 4.2).
        ControllerDriver driver = AfterLossAt(100, rtt: 20_000_000);
        driver.Acknowledge();
        driver.Wait(1_000_000);
        long before = driver.Controller.Window;
        driver.Acknowledge(bytes: before);
        Assert.InRange(driver.Controller.Window, before * 3 / 2, (before * 3 / 2) + 1);
    }

    [Fact]
    public void TimeThatIsNotUsedDoesNotCountForTheCurve()
    {
        ControllerDriver busy = AfterLossAt(1000, rtt: 50_000);
        ControllerDriver resting = AfterLossAt(1000, rtt: 50_000);
        for (int i = 0; i < 10; i++)
        {
            busy.Round();
            resting.Round();
        }

        // Less data than the window allows, then none at all: section 5.8.
        for (int i = 0; i < 100; i++)
        {
            resting.Round(limited: false);
        }

        resting.Wait(60_000_000);
        resting.SendFromIdle();
        for (int i = 0; i < 10; i++)
        {
            busy.Round();
            resting.Round();
        }

        Assert.Equal(busy.Controller.Window, resting.Controller.Window);
    }

    [Fact]
    public void AnUndoneReductionGoesOnWithTheOldCurve()
    {
        ControllerDriver calm = AfterLossAt(1000, rtt: 50_000);
        ControllerDriver alarmed = AfterLossAt(1000, rtt: 50_000);
        for (int i = 0; i < 30; i++)
        {
            calm.Round();
            alarmed.Round();
        }

        long before = alarmed.Controller.Window;
        alarmed.Lose();
        alarmed.Wait(50_000);
        calm.Wait(50_000);
        Assert.True(alarmed.Controller.Window < before);
        alarmed.FindSpurious();
        Assert.Equal(before, alarmed.Controller.Window);
        for (int i = 0; i < 30; i++)
        {
            calm.Round();
            alarmed.Round();
        }

        Assert.Equal(calm.Controller.Window, alarmed.Controller.Window);
    }

    [Fact]
    public void AWindowThatHasOutgrownTheOldOneIsKept()
    {
        ControllerDriver driver = AfterLossAt(100, rtt: 200_000);
        for (int i = 0; i < 60; i++)
        {
            driver.Round();
        }

        long grown = driver.Controller.Window;
        Assert.True(grown > 100 * Segment);
        driver.FindSpurious();
        Assert.Equal(grown, driver.Controller.Window);
    }

    [Fact]
    public void AfterATimeoutTheCurveBeginsOnItsPlateau()
    {
        ControllerDriver driver = new(new CubicController(Segment), rttMicroseconds: 200_000);
        driver.SlowStartTo(100);
        driver.Lose(timeout: true);
        while (((CubicController)driver.Controller).IsSlowStart)
        {
            driver.Round();
        }

        // K is 0 (section 4.8): convex from 70 segments on; in 4 s it gains 0.4 x 4^3 = 26 segments, and concave, towards
        // the 100 before the timeout, it would have gained 30 x (1 - (0.25 / 4.217)^3).
        for (int i = 0; i < 20; i++)
        {
            driver.Round();
        }

        Assert.InRange(driver.WindowSegments, 91, 99);
        long before = driver.Controller.Window;
        driver.Round();
        Assert.True(driver.Controller.Window - before > 2 * Segment, "It is not convex.");
    }

    [Fact]
    public void SlowStartThatEndsByDelayBeginsTheCurveOnItsPlateau()
    {
        ControllerDriver driver = new(new CubicController(Segment), rttMicroseconds: 100_000);
        driver.Round();
        driver.Round();
        driver.Rtt = 120_000;
        for (int i = 0; i < 6; i++)
        {
            driver.Round();
        }

        CubicController cubic = (CubicController)driver.Controller;
        Assert.False(cubic.IsSlowStart);
        long begin = cubic.SlowStartThreshold;
        Assert.InRange(cubic.Window, begin, begin + (2 * Segment));

        // One segment a round trip, as Reno: alpha is 1 from the start (cwnd_prior = cwnd, section 4.10).
        driver.Round();
        long before = cubic.Window;
        driver.Round();
        Assert.InRange(cubic.Window - before, 0.97 * Segment, 1.01 * Segment);
    }

    private static ControllerDriver AfterLossAt(int segments, long rtt)
    {
        ControllerDriver driver = new(new CubicController(Segment), rtt);
        driver.SlowStartTo(segments);
        driver.Lose();
        return driver;
    }
}
