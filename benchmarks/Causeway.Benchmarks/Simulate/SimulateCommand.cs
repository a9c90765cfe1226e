using System.Diagnostics;
using System.Globalization;
using Causeway.Benchmarks.Harness;
using Causeway.Quic.Tests.Simulation;

namespace Causeway.Benchmarks.Simulate;

/// <summary><c>simulate</c>: an engine over networks drawn by seeds, in virtual time, on all processors.</summary>
internal static class SimulateCommand
{
    private const string Help = """
        Usage: simulate [options]

        Runs sessions of an engine over networks that seeds draw: losses, bursts, reordering, copies, changed bits, outages, moves,
        clocks that leap. Every byte has to arrive once and in order, or the session has to say in time why it did not. A seed
        that fails is printed with the line that repeats it; the exit code is 1 then.

          --engine NAME         quic or kcp (quic)
          --seeds N             how many (1000)
          --from S              the first of them (0)
          --threads N           at a time; all processors unless given
          --verbose             the whole account of each failure
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        string engine = options.Choices("engine", "quic", "quic", "kcp")[0];
        int seeds = options.Integer("seeds", 1000);
        int from = options.Integer("from", 0, 0);
        int threads = options.Integer("threads", Environment.ProcessorCount, 1, 1024);
        return RunAll(engine, from, seeds, threads, options.Has("verbose"));
    }

    private static int RunAll(string engine, int from, int seeds, int threads, bool isVerbose)
    {
        Func<ulong, RandomOutcome> run = engine == "quic" ? RandomRun.Run : KcpRandomRun.Run;
        Stopwatch watch = Stopwatch.StartNew();
        Lock printing = new();
        int failed = 0;
        int unconnected = 0;
        int done = 0;
        Parallel.For(
            0,
            seeds,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            index =>
            {
                ulong seed = (ulong)from + (ulong)index;
                try
                {
                    if (run(seed) == RandomOutcome.NotConnected)
                    {
                        Interlocked.Increment(ref unconnected);
                    }
                }
#pragma warning disable CA1031 // Whatever goes wrong is what this looks for.
                catch (Exception error)
#pragma warning restore CA1031
                {
                    lock (printing)
                    {
                        failed++;
                        Console.WriteLine($"seed {seed}: {(isVerbose ? error.ToString() : FirstLine(error))}");
                        Console.WriteLine($"  repeat: simulate --engine {engine} --seeds 1 --from {seed} --verbose");
                    }
                }

                if (Interlocked.Increment(ref done) % 1000 == 0)
                {
                    Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{done} of {seeds}, {failed} failed, {watch.Elapsed.TotalSeconds:F0} s"));
                }
            });
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{engine}: {seeds} seeds from {from}, {failed} failed, {unconnected} over networks too bad for a session, {watch.Elapsed.TotalSeconds:F1} s"));
        return failed == 0 ? 0 : 1;
    }

    private static string FirstLine(Exception error)
    {
        string text = $"{error.GetType().Name}: {error.Message}";
        int end = text.IndexOf('\n', StringComparison.Ordinal);
        return end < 0 ? text : text[..end].TrimEnd();
    }
}
