using System.Globalization;

namespace Causeway.Benchmarks.Harness;

/// <summary>Statistics of a few measured values. Medians, since one disturbed run must not move them.</summary>
internal static class Samples
{
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public static double Median(IEnumerable<double> values) => Percentile(values, 50);

    /// <summary>Linear between the two nearest ranks, so that the 50th is the usual median.</summary>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public static double Percentile(IEnumerable<double> values, double percent)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
        {
            throw new InvalidOperationException("There is no percentile of nothing.");
        }

        double rank = percent / 100 * (sorted.Length - 1);
        int below = (int)rank;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (rank - below));
    }

    /// <summary>The median of run-by-run ratios: what slows the whole machine for a while cancels out.</summary>
    public static double PairedRatio(IEnumerable<double> left, IEnumerable<double> right) =>
        Median(left.Zip(right, static (a, b) => a / b));

    /// <summary>"median (least-most)".</summary>
    public static string Spread(IReadOnlyCollection<double> values) =>
        values.Count == 1 ? Text(values.First()) : $"{Text(Median(values))} ({Text(values.Min())}-{Text(values.Max())})";

    /// <summary>Three significant digits are all that a run on a shared machine is good for.</summary>
    public static string Text(double value) => Math.Abs(value) switch
    {
        double.NaN => "-",
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}
