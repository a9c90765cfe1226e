using BenchmarkDotNet.Loggers;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Link;
using Causeway.Benchmarks.Load;
using Causeway.Benchmarks.Micro;
using Causeway.Benchmarks.Plots;
using Causeway.Benchmarks.Tunnel;

namespace Causeway.Benchmarks.Report;

/// <summary><c>report</c>: measures what <c>docs/performance.md</c> shows, and rewrites its tables and images.</summary>
internal static class ReportCommand
{
    private const string Help = $"""
        Usage: report [options]

        Run it from the repository's root after a Release build. Takes about half an hour.

          --part LIST           measure only these of micro, tunnel and link, or none; the others' files stay as they are (micro,tunnel,link)
          --runs N              runs of each program, alternating (3)
          --seconds S           length of a run of tunnel (2)
          --results DIR         where the measurements are kept (benchmarks/results)
          --page FILE           the page with the tables (docs/performance.md)
        {Contender.Help}
        """;

    private static readonly (string Crypt, int Data, int Parity)[] s_settings =
        [("aes", 0, 0), ("aes", 10, 3), ("aes-128-gcm", 0, 0), ("salsa20", 0, 0), ("none", 0, 0)];

    private static readonly Func<LinkConditions, LinkConditions>[] s_losses =
    [
        static link => link,
        static link => link with { LossPercent = 1 },
        static link => link with { LossPercent = 5 },
        static link => link with { LossPercent = 10 },
        static link => link with { BurstEnterPercent = 1 },
    ];

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        string[] parts = options.Choices("part", "micro,tunnel,link", "micro", "tunnel", "link", "none");
        string page = options.Text("page", Path.Combine("docs", "performance.md"));
        string results = options.Text("results", Path.Combine("benchmarks", "results"));
        if (!File.Exists(page))
        {
            throw new UsageException($"there is no {page}; run this from the repository's root");
        }

        int runs = options.Integer("runs", 3, 1, 100);
        double seconds = options.Number("seconds", 2, 0.1, 600);
        foreach (string part in parts.Where(static part => part != "none"))
        {
            List<Measurement> measured = part switch
            {
                "micro" => MicroCommand.Measure(["*"], smoke: false, NullLogger.Instance),
                "tunnel" => MeasureTunnels(Contender.From(options), runs, seconds),
                _ => MeasureLinks(Contender.From(options), runs),
            };
            MeasurementFile.Write(Path.Combine(results, part + ".csv"), measured);
        }

        List<Measurement> tunnel = MeasurementFile.Read(Path.Combine(results, "tunnel.csv"));
        List<Measurement> link = MeasurementFile.Read(Path.Combine(results, "link.csv"));
        string text = File.ReadAllText(page);
        text = MarkedText.Replace(text, "tunnel", ResultTables.OfTunnels(tunnel));
        text = MarkedText.Replace(text, "link", ResultTables.OfLinks(link, ThroughputMeasure.Name));
        text = MarkedText.Replace(text, "requests", ResultTables.OfLinks(link, PacedRequestsMeasure.Name));
        text = MarkedText.Replace(text, "micro", ResultTables.OfMicro(MeasurementFile.Read(Path.Combine(results, "micro.csv"))));
        File.WriteAllText(page, text);
        PlotCommand.Draw(tunnel, link, Path.Combine(Path.GetDirectoryName(page) ?? "", "images"));
        return 0;
    }

    private static List<Measurement> MeasureTunnels(List<Contender> programs, int runs, double seconds)
    {
        List<Measurement> all = [];
        TimeSpan warmUp = TimeSpan.FromSeconds(1.5);
        foreach ((string crypt, int data, int parity) in s_settings)
        {
            TunnelSettings settings = new() { Crypt = crypt, DataShards = data, ParityShards = parity };
            TunnelCommand.Measure(new ThroughputMeasure(1, Upload: false, seconds, warmUp), settings, programs, runs, all);
        }

        TunnelSettings aes = new();
        TunnelCommand.Measure(new ThroughputMeasure(1, Upload: true, seconds, warmUp), aes, programs, runs, all);
        TunnelCommand.Measure(new ThroughputMeasure(8, Upload: false, seconds, warmUp), aes, programs, runs, all);
        TunnelCommand.Measure(new ThroughputMeasure(8, Upload: true, seconds, warmUp), aes, programs, runs, all);
        TunnelCommand.Measure(new ConnectMeasure(8, seconds, warmUp), aes, programs, runs, all);
        TunnelCommand.Measure(new LatencyMeasure(seconds, TimeSpan.FromMilliseconds(5)), aes, programs, runs, all);
        TunnelCommand.Measure(new IdleMeasure(1000, OwnSessions: false, TimeSpan.FromSeconds(3)), aes, programs, 1, all);
        TunnelCommand.Measure(new IdleMeasure(100, OwnSessions: true, TimeSpan.FromSeconds(3)), aes, programs, 1, all);
        return all;
    }

    // Ours chooses for itself, which is what most will run. The others' windows are about twice what the link holds, as
    // somebody who knows the link would set them.
    private static List<Contender> OnLinks(List<Contender> programs)
    {
        return
        [
            Variant(programs[0], "no FEC", "--ds 0 --ps 0"),
            Variant(programs[0], "FEC auto", "--fec auto"),
            .. programs.Skip(1).SelectMany(static program => (Contender[])
            [
                Variant(program, "no FEC", "--mode fast3 --sndwnd 1024 --rcvwnd 1024 --ds 0 --ps 0"),
                Variant(program, "FEC 10+3", "--mode fast3 --sndwnd 1024 --rcvwnd 1024 --ds 10 --ps 3"),
            ]),
        ];

        static Contender Variant(Contender program, string name, string arguments) =>
            program with { Name = $"{program.Name} {name}", Arguments = [.. arguments.Split(' '), .. program.Arguments] };
    }

    private static List<Measurement> MeasureLinks(List<Contender> programs, int runs)
    {
        List<Measurement> all = [];
        TunnelSettings settings = new() { IsOwn = true };
        programs = OnLinks(programs);
        LinkConditions bulk = new() { RateMegabits = 100, RoundTripMilliseconds = 50 };
        LinkConditions thin = new() { RateMegabits = 100, RoundTripMilliseconds = 40 };
        foreach (Func<LinkConditions, LinkConditions> losing in s_losses)
        {
            LinkCommand.Measure(
                new ThroughputMeasure(1, Upload: false, 6, TimeSpan.FromSeconds(3)), losing(bulk), seed: 1, settings, programs, runs, all);
        }

        foreach (Func<LinkConditions, LinkConditions> losing in s_losses)
        {
            LinkCommand.Measure(new PacedRequestsMeasure(50, 10), losing(thin), seed: 1, settings, programs, runs, all);
        }

        return all;
    }
}
