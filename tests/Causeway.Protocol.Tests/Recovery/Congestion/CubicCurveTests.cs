using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Congestion;

/// <summary>
/// The controller's window, acknowledgement by acknowledgement, against the formulas of RFC 9438, which are computed here a
/// second time: in segments as the RFC states them, in decimal arithmetic, without a line of the controller's.
/// </summary>
public sealed class CubicCurveTests
{
    private const int Segment = ControllerDriver.Segment;

    [Theory]
    [InlineData(100, 10)]
    [InlineData(100, 100)]
    [InlineData(500, 40)]
    [InlineData(2_000, 200)]
    public void EveryAcknowledgementMovesTheWindowAsTheFormulasSay(int lossWindow, int rttMilliseconds)
    {
        foreach ((long actual, decimal expected, _, _) in Run(lossWindow, rttMilliseconds, rounds: 60))
        {
            Assert.InRange(actual, Math.Floor(expected * Segment) - 1, Math.Floor(expected * Segment) + 1);
        }
    }

    [Fact]
    public void TheCurveIsThatOfTheGoldenTable()
    {
        StringBuilder table = new();
        table.Append("# CUBIC after one loss (RFC 9438, C = 0.4, beta = 0.7): windows in segments at the end of a round trip.\n");
        table.Append("# time: t in s; cubic: W_cubic(t), figure 1; reno: W_est, figure 4; cwnd: the formulas' window; bytes: the\n");
        table.Append("# controller's, segments of 1000 bytes; region: which of the two rules set it.\n");
        foreach ((int lossWindow, int rtt) in (ReadOnlySpan<(int, int)>)[(100, 10), (100, 100), (500, 40), (2_000, 200)])
        {
            Append(table, lossWindow, rtt);
        }

        string difference = StoredTable.Check(Path.Combine(Folder(), "cubic-curve.txt"), table.ToString());
        Assert.True(difference.Length == 0, difference);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    public void TheCurveStartsAtTheReducedWindowAndPassesThePlateauAtK(int plateau)
    {
        CubicCurve curve = new(plateau * (double)Segment, 0.7 * plateau * Segment, Segment);
        Assert.Equal((double)CubeRoot(0.3m * plateau / 0.4m), curve.SecondsToPlateau, 9);
        Assert.Equal(0.7 * plateau * Segment, curve.At(0), 3);
        Assert.Equal(plateau * (double)Segment, curve.At(curve.SecondsToPlateau), 3);
        Assert.Equal((plateau + 0.4) * Segment, curve.At(curve.SecondsToPlateau + 1), 3);
    }

    private static void Append(StringBuilder table, int lossWindow, int rtt)
    {
        decimal k = CubeRoot(0.3m * lossWindow / 0.4m);
        table.Append(CultureInfo.InvariantCulture, $"\nW_max {lossWindow}, round trip {rtt} ms, K {k:F4} s\n");
        table.Append("    time        cubic         reno         cwnd     bytes  region\n");
        int index = 0;
        int every = Math.Max(1, (int)(2 * k / 20 * 1000 / rtt));
        foreach ((long actual, decimal expected, decimal time, decimal reno) in Run(lossWindow, rtt, 20 * every))
        {
            // The last acknowledgement of a round.
            bool isRoundEnd = time * 1000 % rtt == 0;
            if (isRoundEnd && index++ % every == 0)
            {
                decimal cubic = Cubic(time, k, lossWindow);
                table.Append(
                    CultureInfo.InvariantCulture,
                    $"{time,8:F3} {cubic,12:F4} {reno,12:F4} {expected,12:F4} {actual,9}  {(cubic < reno ? "reno" : "cubic")}\n");
            }
        }
    }

    /// <summary>
    /// One loss at a window, then acknowledgements of a segment each; a round is as many as the window has segments when it
    /// begins, evenly spread.
    /// </summary>
    private static IEnumerable<(long Actual, decimal Expected, decimal Time, decimal Reno)> Run(
        int lossWindow, int rttMilliseconds, int rounds)
    {
        ControllerDriver driver = new(new CubicController(Segment), rttMilliseconds * 1000L);
        driver.SlowStartTo(lossWindow);
        driver.Lose();
        Assert.Equal(lossWindow * 700L, driver.Controller.Window);

        decimal k = CubeRoot(0.3m * lossWindow / 0.4m);
        decimal rtt = rttMilliseconds / 1000m;
        decimal window = 0.7m * lossWindow;
        decimal reno = window;
        Timestamp begun = driver.Now;
        for (int round = 0; round < rounds; round++)
        {
            Timestamp roundBegun = driver.Now;
            int segments = (int)window;
            for (int i = round == 0 ? 0 : 1; i <= segments; i++)
            {
                driver.Wait(roundBegun.AddMicroseconds(driver.Rtt * i / segments).MicrosecondsSince(driver.Now));
                driver.Acknowledge();
                decimal time = driver.Now.MicrosecondsSince(begun) / 1_000_000m;

                // Figure 4, with alpha_cubic = 3 (1 - 0.7) / (1 + 0.7) until W_est is cwnd_prior.
                reno += (reno >= lossWindow ? 1m : 0.9m / 1.7m) / window;
                if (Cubic(time, k, lossWindow) < reno)
                {
                    window = Math.Max(window, reno);
                }
                else
                {
                    decimal target = Math.Clamp(Cubic(time + rtt, k, lossWindow), window, 1.5m * window);
                    window += (target - window) / window;
                }

                yield return (driver.Controller.Window, window, time, reno);
            }
        }
    }

    private static decimal Cubic(decimal time, decimal k, decimal plateau) =>
        (0.4m * (time - k) * (time - k) * (time - k)) + plateau;

    // Newton's method.
    private static decimal CubeRoot(decimal value)
    {
        decimal root = (decimal)Math.Cbrt((double)value);
        for (int i = 0; i < 5; i++)
        {
            root -= ((root * root * root) - value) / (3 * root * root);
        }

        return root;
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
