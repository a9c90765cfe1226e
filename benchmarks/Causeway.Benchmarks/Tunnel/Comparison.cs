using System.Globalization;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;

namespace Causeway.Benchmarks.Tunnel;

/// <summary>Runs one scenario with each program in turn, several times, and prints medians, spread and paired ratios.</summary>
internal static class Comparison
{
    /// <summary>Measures, prints, and adds what was measured to a list.</summary>
    /// <param name="measureOnce">Measures a program once.</param>
    /// <param name="scenario">Under which name.</param>
    /// <param name="programs">The first is compared with the others.</param>
    /// <param name="runs">How often each runs.</param>
    /// <param name="all">Where measurements go.</param>
    public static void Run(
        Func<Contender, IReadOnlyList<(string Metric, double Value)>> measureOnce,
        Scenario scenario,
        IReadOnlyList<Contender> programs,
        int runs,
        List<Measurement> all)
    {
        List<Measurement> mine = [];
        for (int run = 0; run < runs; run++)
        {
            foreach (Contender program in programs)
            {
                try
                {
                    mine.AddRange(measureOnce(program).Select(m => new Measurement(scenario, program.Name, run, m.Metric, m.Value)));
                }
                catch (MeasureException failure)
                {
                    // That a program cannot do something is a result, and no reason to lose the others'.
                    Console.Error.WriteLine($"{program.Name}, {scenario}: {failure.Message}");
                }
            }
        }

        Print(scenario, programs, mine);
        all.AddRange(mine);
    }

    private static void Print(Scenario scenario, IReadOnlyList<Contender> programs, List<Measurement> measurements)
    {
        string[] metrics = [.. measurements.Select(static m => m.Metric).Distinct()];
        Console.WriteLine(scenario);
        Row("", metrics);
        foreach (Contender program in programs)
        {
            Row(program.Name, metrics.Select(metric => Values(program, metric) is { Length: > 0 } values ? Samples.Spread(values) : "-"));
        }

        foreach (Contender other in programs.Skip(1))
        {
            Row($"vs {other.Name}", metrics.Select(metric => Ratio(Values(programs[0], metric), Values(other, metric))));
        }

        Console.WriteLine();

        double[] Values(Contender program, string metric) =>
            [.. measurements.Where(m => m.Program == program.Name && m.Metric == metric).Select(static m => m.Value)];
    }

    private static string Ratio(double[] left, double[] right) =>
        left.Length > 0 && right.Length > 0 && right.All(static value => value > 0)
            ? Samples.PairedRatio(left, right).ToString("0.00", CultureInfo.InvariantCulture) + "x"
            : "";

    private static void Row(string name, IEnumerable<string> cells) =>
        Console.WriteLine($"  {name,-18}" + string.Concat(cells.Select(static cell => $"{cell,24}")));
}
