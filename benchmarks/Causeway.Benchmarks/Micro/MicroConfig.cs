using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Causeway.Benchmarks.Micro;

/// <summary>How micro-benchmarks run: in this process and short, so that all of them take a few minutes.</summary>
internal static class MicroConfig
{
    // Enough rounds before the measured ones that the compiler has replaced what it made first.
    private const int WarmUps = 6;
    private const int Iterations = 6;
    private static readonly TimeInterval s_iteration = TimeInterval.FromMilliseconds(50);

    /// <param name="smoke">Call everything once, to see that it runs.</param>
    /// <param name="logger">Where progress goes.</param>
    public static IConfig Create(bool smoke, ILogger logger)
    {
        Job job = smoke
            ? Job.Dry
            : Job.Default.WithStrategy(RunStrategy.Throughput).WithWarmupCount(WarmUps).WithIterationCount(Iterations).WithIterationTime(s_iteration);
        return ManualConfig.CreateEmpty()
            .AddJob(job.WithToolchain(InProcessEmitToolchain.Instance))
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .HideColumns(Column.Gen0, Column.Gen1, Column.Gen2, Column.RatioSD, Column.AllocRatio)
            .AddLogger(logger)
            .WithArtifactsPath(Path.Combine("artifacts", "micro"));
    }
}
