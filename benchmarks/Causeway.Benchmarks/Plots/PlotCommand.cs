using System.Globalization;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;

namespace Causeway.Benchmarks.Plots;

/// <summary><c>plot</c>: draws what <c>tunnel</c> and <c>link</c> measured, and the stored tables of simulations.</summary>
internal static class PlotCommand
{
    private const string Help = """
        Usage: plot [options]

          --tunnel FILE         what tunnel --csv wrote (benchmarks/results/tunnel.csv)
          --link FILE           what link --csv wrote (benchmarks/results/link.csv)
          --simulation DIR      draw the tables of this directory instead: tests/Causeway.Protocol.Tests/Simulation
          --out DIR             where the images go (docs/images)
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        string output = options.Text("out", Path.Combine("docs", "images"));
        string simulation = options.Text("simulation", "");
        if (simulation.Length > 0)
        {
            Directory.CreateDirectory(output);
            foreach ((string name, SvgChart chart) in SimulationPlots.Draw(simulation))
            {
                File.WriteAllText(Path.Combine(output, name), chart.ToSvg());
            }

            return 0;
        }

        Draw(
            MeasurementFile.Read(options.Text("tunnel", Path.Combine("benchmarks", "results", "tunnel.csv"))),
            MeasurementFile.Read(options.Text("link", Path.Combine("benchmarks", "results", "link.csv"))),
            output);
        return 0;
    }

    /// <summary>Writes every image.</summary>
    public static void Draw(List<Measurement> tunnel, List<Measurement> link, string directory)
    {
        Directory.CreateDirectory(directory);
        Write("throughput-loss.svg", new SvgChart(
            $"Throughput against loss ({LinkText(link, ThroughputMeasure.Name)})", "datagrams lost, %, each direction", "Mbit/s",
            OverLoss(link, ThroughputMeasure.Name, Metrics.Throughput)));
        Write("latency-loss.svg", new SvgChart(
            $"Slowest 1 % of 200-byte requests ({LinkText(link, PacedRequestsMeasure.Name)})", "datagrams lost, %, each direction", "p99, ms",
            OverLoss(link, PacedRequestsMeasure.Name, Metrics.P99)));
        Write("throughput-cpu.svg", new SvgChart(
            "Throughput against CPU, clean loopback, one stream", "CPU seconds per GB, both ends (less is better)", "Mbit/s",
            OverCpu(tunnel))
        { Lines = false });

        void Write(string name, SvgChart chart)
        {
            if (chart.Series.Count > 0)
            {
                File.WriteAllText(Path.Combine(directory, name), chart.ToSvg());
            }
        }
    }

    private static string LinkText(List<Measurement> all, string measure) =>
        all.FirstOrDefault(m => m.Scenario.Measure == measure)?.Scenario is { } first
            ? $"{first["rate"]} Mbit/s, {first["rtt"]} ms round trip"
            : "";

    private static ChartSeries[] OverLoss(List<Measurement> all, string measure, string metric) =>
    [
        .. all.Where(m => m.Scenario.Measure == measure && m.Metric == metric && m.Scenario["burst"] == "0")
            .GroupBy(static m => m.Scenario["fec"] is "0+0" or "own" ? m.Program : $"{m.Program}, FEC {m.Scenario["fec"]}")
            .Select(static program => new ChartSeries(
                program.Key,
                [
                    .. program.GroupBy(static m => double.Parse(m.Scenario["loss"], CultureInfo.InvariantCulture))
                        .OrderBy(static loss => loss.Key)
                        .Select(static loss => new ChartPoint(loss.Key, Samples.Median(loss.Select(static m => m.Value)))),
                ])),
    ];

    private static ChartSeries[] OverCpu(List<Measurement> all) =>
    [
        .. all.Where(static m => m.Scenario.Measure == ThroughputMeasure.Name && m.Scenario["dir"] == "down" && m.Scenario["streams"] == "1")
            .GroupBy(static m => m.Program)
            .Select(static program => new ChartSeries(
                program.Key,
                [
                    .. program.GroupBy(static m => m.Scenario).Select(static group => new ChartPoint(
                        MedianOf(group, Metrics.Cpu),
                        MedianOf(group, Metrics.Throughput),
                        group.Key["crypt"] + (group.Key["fec"] == "0+0" ? "" : $" + FEC {group.Key["fec"]}"))),
                ])),
    ];

    private static double MedianOf(IEnumerable<Measurement> measurements, string metric) =>
        Samples.Median(measurements.Where(m => m.Metric == metric).Select(static m => m.Value));
}
