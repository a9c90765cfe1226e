using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;

namespace Causeway.Benchmarks.Tunnel;

/// <summary>
/// <c>tunnel</c>: one tunnel over loopback as separate processes, ours and any peer's side by side in one run, alternating,
/// with the same settings.
/// </summary>
internal static class TunnelCommand
{
    private const string Help = $"""
        Usage: tunnel [options]

        Measures, for both ends of a tunnel together:
          throughput   of bulk transfers, with CPU seconds per GB and peak memory
          connect      new connections per second, each with one 200-byte echo, 8 under way; and how many failed
          latency      of a 200-byte echo on an otherwise idle tunnel
          idle         memory with 1000 quiet streams in one session, and with 100 quiet sessions

          --measure LIST        which of these (throughput)
          --streams LIST        TCP connections at a time, for throughput (1)
          --direction DIR       down, up or both one after the other, for throughput (down)
          --runs N              runs of each program, alternating (5)
          --seconds S           length of a run (4)
          --warm-up S           what comes before it (1.5)
          --settle S            how long connections are quiet before memory is read (3)
          --gap MS              pause between an answer and the next message, for latency (5)
        {TunnelSettings.Help}
        {Contender.Help}
          --csv FILE            also write every measurement there

        Linux: CPU and memory are read from /proc.
        """;

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        TunnelSettings settings = TunnelSettings.From(options);
        int runs = options.Integer("runs", 5, 1, 1000);
        List<IMeasure> measures = [.. MeasuresFrom(options)];
        List<Contender> programs = Contender.From(options);
        List<Measurement> all = [];
        Console.WriteLine(string.Join(' ', settings.Arguments));
        foreach (IMeasure measure in measures)
        {
            Measure(measure, settings, programs, runs, all);
        }

        if (options.Has("csv"))
        {
            MeasurementFile.Write(options.Text("csv", ""), all);
        }

        return 0;
    }

    /// <summary>Measures one thing with every program.</summary>
    public static void Measure(
        IMeasure measure, TunnelSettings settings, IReadOnlyList<Contender> programs, int runs, List<Measurement> all)
    {
        settings = settings with { MoreForClient = measure.ClientArguments };
        Comparison.Run(
            program =>
            {
                using TcpTarget target = new(measure.Connections);
                using RunningTunnel tunnel = RunningTunnel.Start(program, settings, target.EndPoint);
                return measure.Run(tunnel, target);
            },
            measure.Describe(("crypt", settings.Crypt), ("fec", settings.Fec), ("window", settings.WindowName)),
            programs,
            runs,
            all);
    }

    private static IEnumerable<IMeasure> MeasuresFrom(CommandOptions options)
    {
        double seconds = options.Number("seconds", 4, 0.1, 3600);
        TimeSpan warmUp = TimeSpan.FromSeconds(options.Number("warm-up", 1.5, 0, 3600));
        foreach (string name in options.Choices(
            "measure", ThroughputMeasure.Name, ThroughputMeasure.Name, ConnectMeasure.Name, LatencyMeasure.Name, IdleMeasure.Name))
        {
            switch (name)
            {
                case ThroughputMeasure.Name:
                    foreach (string direction in options.Choices("direction", "down", "down", "up", "both"))
                    {
                        foreach (bool upload in direction == "both" ? [false, true] : (bool[])[direction == "up"])
                        {
                            foreach (int streams in options.Integers("streams", "1", 1, 1000))
                            {
                                yield return new ThroughputMeasure(streams, upload, seconds, warmUp);
                            }
                        }
                    }

                    break;
                case ConnectMeasure.Name:
                    yield return new ConnectMeasure(8, seconds, warmUp);
                    break;
                case LatencyMeasure.Name:
                    yield return new LatencyMeasure(seconds, TimeSpan.FromMilliseconds(options.Number("gap", 5, 0, 1000)));
                    break;
                case IdleMeasure.Name:
                    TimeSpan settle = TimeSpan.FromSeconds(options.Number("settle", 3, 0, 3600));
                    yield return new IdleMeasure(1000, OwnSessions: false, settle);
                    yield return new IdleMeasure(100, OwnSessions: true, settle);
                    break;
            }
        }
    }
}
