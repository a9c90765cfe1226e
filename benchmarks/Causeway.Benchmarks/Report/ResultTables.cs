using System.Globalization;
using System.Text;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;

namespace Causeway.Benchmarks.Report;

/// <summary>Measurements as Markdown tables, ratios first.</summary>
internal static class ResultTables
{
    /// <summary>One row for each metric of each scenario: the ratio of the first program to the second, then both.</summary>
    public static string OfTunnels(List<Measurement> all)
    {
        string[] programs = [.. all.Select(static m => m.Program).Distinct()];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"| clean loopback | | ratio | {string.Join(" | ", programs)} |\n");
        text.Append("| --- | --- | --: |" + string.Concat(Enumerable.Repeat(" --: |", programs.Length)) + "\n");
        foreach (IGrouping<Scenario, Measurement> scenario in all.GroupBy(static m => m.Scenario))
        {
            foreach (string metric in scenario.Select(static m => m.Metric).Distinct().Where(metric => IsShown(scenario.Key, metric)))
            {
                double[][] values = [.. programs.Select(program => Values(scenario, program, metric))];
                text.Append(CultureInfo.InvariantCulture, $"| {Name(scenario.Key)} | {metric} | {Ratio(values)} | ");
                text.Append(string.Join(" | ", values.Select(Cell))).Append(" |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>One row for each link and program, one column for each metric.</summary>
    public static string OfLinks(List<Measurement> all, string measure)
    {
        List<Measurement> mine = [.. all.Where(m => m.Scenario.Measure == measure && m.Metric is not (Metrics.PeakMemory or Metrics.RelayDrops))];
        string[] metrics = [.. mine.Select(static m => m.Metric).Distinct()];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"| loss | program | {string.Join(" | ", metrics)} |\n");
        text.Append("| --: | --- |" + string.Concat(Enumerable.Repeat(" --: |", metrics.Length)) + "\n");
        foreach (IGrouping<Scenario, Measurement> scenario in mine.GroupBy(static m => m.Scenario))
        {
            foreach (string program in scenario.Select(static m => m.Program).Distinct())
            {
                text.Append(CultureInfo.InvariantCulture, $"| {Loss(scenario.Key)} | {program} | ");
                text.Append(string.Join(" | ", metrics.Select(metric => Cell(Values(scenario, program, metric))))).Append(" |\n");
            }
        }

        return text.ToString();
    }

    /// <summary>One row for each benchmark: its cost against the cheapest of its suite and setting, and in nanoseconds.</summary>
    public static string OfMicro(List<Measurement> all)
    {
        StringBuilder text = new("| suite | setting | operation | ratio | ns | allocated B |\n| --- | --- | --- | --: | --: | --: |\n");
        foreach (IGrouping<string, Measurement> suite in all.Where(static m => m.Metric == "ns").GroupBy(static m => m.Scenario["suite"]))
        {
            double least = suite.Min(static m => m.Value);
            foreach (Measurement m in suite)
            {
                double allocated = all.First(other => other.Scenario == m.Scenario && other.Program == m.Program && other.Metric == "B").Value;
                string setting = m.Scenario.ToString().Split(' ', 3) is [_, _, string rest] ? rest[(rest.IndexOf('=', StringComparison.Ordinal) + 1)..] : "";
                text.Append(CultureInfo.InvariantCulture, $"| {suite.Key} | {setting} | {m.Program} | {m.Value / least:0.0} | {Thousands(m.Value)} | {allocated:0} |\n");
            }
        }

        return text.ToString();
    }

    private static bool IsShown(Scenario scenario, string metric) => metric switch
    {
        Metrics.PeakMemory => false,
        Metrics.Proportional => scenario.Measure == IdleMeasure.Name,
        _ => true,
    };

    private static string Name(Scenario scenario) => scenario.Measure switch
    {
        ThroughputMeasure.Name => $"{scenario["crypt"]}, {(scenario["fec"] == "0+0" ? "no FEC" : $"FEC {scenario["fec"]}")}, "
            + $"{scenario["streams"]} {(scenario["streams"] == "1" ? "stream" : "streams")} {scenario["dir"]}",
        ConnectMeasure.Name => $"new connections, {scenario["concurrency"]} under way",
        LatencyMeasure.Name => "200-byte request, idle tunnel",
        IdleMeasure.Name => scenario["sessions"] == "1" ? $"{scenario["streams"]} idle streams" : $"{scenario["sessions"]} idle sessions",
        _ => scenario.ToString(),
    };

    private static string Loss(Scenario scenario) => scenario["burst"] == "0" ? $"{scenario["loss"]} %" : "bursts";

    private static double[] Values(IEnumerable<Measurement> all, string program, string metric) =>
        [.. all.Where(m => m.Program == program && m.Metric == metric).Select(static m => m.Value)];

    private static string Cell(double[] values) => values.Length == 0 ? "-" : Samples.Spread(values);

    private static string Ratio(double[][] values) => values is [{ Length: > 0 }, { Length: > 0 }, ..] && values[1].All(static value => value > 0)
        ? Samples.PairedRatio(values[0], values[1]).ToString("0.00", CultureInfo.InvariantCulture)
        : "";

    private static string Thousands(double value) => value < 100 ? Samples.Text(value) : value.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', ' ');
}
