using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Causeway.Benchmarks.Harness;
using Measurement = Causeway.Benchmarks.Harness.Measurement;

namespace Causeway.Benchmarks.Micro;

/// <summary><c>micro</c>: BenchmarkDotNet over the parts.</summary>
internal static class MicroCommand
{
    private const string Help = """
        Usage: micro [options]

          --filter GLOB         which benchmarks, as *Cipher*; may be repeated (*)
          --smoke               call each once, to see that it runs
          --list                name them
          --csv FILE            also write the results there
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        IReadOnlyList<string> filters = options.All("filter") is { Count: > 0 } given ? given : ["*"];
        if (options.Has("list"))
        {
            BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly).Run(["--list", "flat", "--filter", .. filters]);
            return 0;
        }

        List<Measurement> results = Measure(filters, options.Has("smoke"), ConsoleLogger.Default);
        if (options.Has("csv"))
        {
            MeasurementFile.Write(options.Text("csv", ""), results);
        }

        return 0;
    }

    /// <summary>Runs benchmarks.</summary>
    /// <exception cref="UsageException">There is none of that name, or one failed.</exception>
    public static List<Measurement> Measure(IReadOnlyList<string> filters, bool smoke, ILogger logger)
    {
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly)
            .Run(["--filter", .. filters], MicroConfig.Create(smoke, logger))];
        if (summaries.Sum(static summary => summary.Reports.Length) == 0)
        {
            throw new UsageException($"no benchmark matches {string.Join(' ', filters)}, or none could be run");
        }

        BenchmarkReport? failed = summaries.SelectMany(static summary => summary.Reports).FirstOrDefault(static report => !report.Success);
        return failed is null
            ? [.. summaries.SelectMany(static summary => summary.Reports).SelectMany(ToMeasurements)]
            : throw new UsageException($"{failed.BenchmarkCase.DisplayInfo} failed");
    }

    private static IEnumerable<Measurement> ToMeasurements(BenchmarkReport report)
    {
        BenchmarkCase benchmark = report.BenchmarkCase;
        (string, object)[] settings =
        [
            ("suite", benchmark.Descriptor.Type.Name.Replace("Benchmarks", "", StringComparison.Ordinal)),
            .. benchmark.Parameters.Items.Select(static item => (item.Name.ToLowerInvariant(), item.Value)),
        ];
        Scenario scenario = Scenario.Of("micro", settings);
        string method = benchmark.Descriptor.WorkloadMethod.Name;

        // The least disturbed of a few iterations: whatever else runs on a shared machine only adds.
        yield return new Measurement(scenario, method, 0, "ns", report.ResultStatistics!.Min);
        yield return new Measurement(scenario, method, 0, "B", report.GcStats.GetBytesAllocatedPerOperation(benchmark) ?? 0);
    }
}
