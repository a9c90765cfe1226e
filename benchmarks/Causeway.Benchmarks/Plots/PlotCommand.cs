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
            foreach ((string name, IChart chart) in SimulationPlots.Draw(simulation))
            {
                File.WriteAllBytes(Path.Combine(output, name), chart.ToPng());
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
        Write("throughput-loss.png", new LineChart(
            $"Throughput against loss ({LinkText(link, ThroughputMeasure.Name)})", "datagrams lost, %, each direction", "Mbit/s",
            OverLoss(link, ThroughputMeasure.Name, Metrics.Throughput)));
        Write("latency-loss.png", new LineChart(
            $"Slowest 1 % of 200-byte requests ({LinkText(link, PacedRequestsMeasure.Name)})", "datagrams lost, %, each direction", "p99, ms",
            OverLoss(link, PacedRequestsMeasure.Name, Metrics.P99)));
        Write("throughput-crypt.png", OverSettings(
            tunnel, "Throughput of one stream, clean loopback (more is better)", Metrics.Throughput, "Mbit/s"));
        Write("cpu-crypt.png", OverSettings(
            tunnel, "CPU time of one stream, clean loopback, both ends (less is better)", Metrics.Cpu, "CPU seconds per GB"));

        void Write(string name, IChart chart)
        {
            if (!chart.IsEmpty)
            {
                File.WriteAllBytes(Path.Combine(directory, name), chart.ToPng());
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

    /// <summary>A group of bars for each crypt and FEC of one stream down, and a bar in it for each program.</summary>
    internal static BarChart OverSettings(List<Measurement> all, string title, string metric, string unit)
    {
        List<Measurement> measured =
        [
            .. all.Where(m => m.Metric == metric && m.Scenario.Measure == ThroughputMeasure.Name
                && m.Scenario["dir"] == "down" && m.Scenario["streams"] == "1"),
        ];
        Scenario[] settings = [.. measured.Select(static m => m.Scenario).Distinct()];
        return new BarChart(
            title,
            unit,
            [.. settings.Select(static s => s["crypt"] + (s["fec"] == "0+0" ? "" : $"\nFEC {s["fec"]}"))],
            [
                .. measured.GroupBy(static m => m.Program).Select(program => new BarSeries(
                    program.Key,
                    [.. settings.Select(s => MedianOrNone(program.Where(m => m.Scenario == s)))])),
            ]);
    }

    private static double MedianOrNone(IEnumerable<Measurement> measurements)
    {
        double[] values = [.. measurements.Select(static m => m.Value)];
        return values.Length == 0 ? double.NaN : Samples.Median(values);
    }
}
