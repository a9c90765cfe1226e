using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;
using Causeway.Benchmarks.Tunnel;

namespace Causeway.Benchmarks.Link;

/// <summary><c>link</c>: tunnels through an emulated link, ours and any peer's alternating.</summary>
internal static class LinkCommand
{
    private const string Help = $"""
        Usage: link [options]

        Measures, through an emulated link between the two ends of a tunnel:
          throughput   of bulk transfers, with wire bytes per payload byte in the direction of the payload and back, and CPU
          requests     latency of 200-byte echoes at a fixed rate, counted from when each was due

          --measure LIST        which of these (throughput)
          --rate MBIT           of the link, each direction, 28 bytes of headers a datagram included; 0 unlimited (100)
          --rtt MS              round trip of the empty link (50)
          --loss LIST           percent of datagrams lost, each direction; one comparison for each (0,1,5,10)
          --burst ENTER,LEAVE   Gilbert-Elliott: percent chances per datagram to turn bad and good again (0,25)
          --queue N             drop-tail queue, in products of rate and round trip (1)
          --rps N               messages per second, for requests (50)
          --streams N           TCP connections at a time, for throughput (1)
          --direction DIR       down or up, for throughput (down)
          --runs N              runs of each program, alternating (3)
          --seconds S           length of a run (6)
          --warm-up S           what comes before it, for throughput (3)
          --seed N              of the losses; each run has its own derived from it (1)
        {TunnelSettings.Help}
        {Contender.Help}
          --csv FILE            also write every measurement there

        Linux only. The relay counts what its own sockets drop: a run where that is not 0 says little.
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
        string[] measures = options.Choices("measure", ThroughputMeasure.Name, ThroughputMeasure.Name, PacedRequestsMeasure.Name);
        bool upload = options.Choices("direction", "down", "down", "up")[0] == "up";
        int streams = options.Integer("streams", 1, 1, 1000);
        double seconds = options.Number("seconds", 6, 0.1, 3600);
        TimeSpan warmUp = TimeSpan.FromSeconds(options.Number("warm-up", 3, 0, 3600));
        double perSecond = options.Number("rps", 50, 0.1, 10_000);
        int runs = options.Integer("runs", 3, 1, 1000);
        ulong seed = (ulong)options.Integer("seed", 1, 0);
        List<LinkConditions> links = [.. LinkConditions.From(options)];
        List<Contender> programs = Contender.From(options);
        List<Measurement> all = [];
        Console.WriteLine(string.Join(' ', settings.Arguments));
        foreach (string name in measures)
        {
            foreach (LinkConditions link in links)
            {
                IMeasure measure = name == ThroughputMeasure.Name
                    ? new ThroughputMeasure(streams, upload, seconds, warmUp)
                    : new PacedRequestsMeasure(perSecond, seconds);
                Measure(measure, link, seed, settings, programs, runs, all);
            }
        }

        if (options.Has("csv"))
        {
            MeasurementFile.Write(options.Text("csv", ""), all);
        }

        return 0;
    }

    /// <summary>Measures one thing through one link with every program. Runs of the same number have the same losses.</summary>
    public static void Measure(
        IMeasure measure,
        LinkConditions link,
        ulong seed,
        TunnelSettings settings,
        IReadOnlyList<Contender> programs,
        int runs,
        List<Measurement> all)
    {
        Dictionary<string, ulong> run = [];
        Comparison.Run(
            program =>
            {
                run[program.Name] = run.GetValueOrDefault(program.Name) + 1;
                return MeasureOnce(measure, link, seed + run[program.Name], settings, program);
            },
            measure.Describe([("crypt", settings.Crypt), ("fec", settings.Fec), ("window", settings.WindowName), .. link.Describe()]),
            programs,
            runs,
            all);
    }

    private static IReadOnlyList<(string Metric, double Value)> MeasureOnce(
        IMeasure measure, LinkConditions link, ulong seed, TunnelSettings settings, Contender program)
    {
        LinkRelay? relay = null;
        try
        {
            using TcpTarget target = new(measure.Connections);
            using RunningTunnel tunnel = RunningTunnel.Start(
                program,
                settings,
                target.EndPoint,
                server => (relay = new LinkRelay(server, link.ToFaults(), seed)).EndPoint);
            if (measure is not ThroughputMeasure throughput)
            {
                return measure.Run(tunnel, target);
            }

            List<(long Payload, RelayCounters Counters)> marks = [];
            IReadOnlyList<(string Metric, double Value)> measured =
                (throughput with { Mark = payload => marks.Add((payload, relay!.Counters)) }).Run(tunnel, target);
            return [.. measured, .. WireCosts(marks[0], marks[1], throughput.Upload)];
        }
        finally
        {
            relay?.Dispose();
        }
    }

    private static IEnumerable<(string Metric, double Value)> WireCosts(
        (long Payload, RelayCounters Counters) begin, (long Payload, RelayCounters Counters) end, bool upload)
    {
        double payload = end.Payload - begin.Payload;
        double up = (end.Counters.UpWireBytes - begin.Counters.UpWireBytes) / payload;
        double down = (end.Counters.DownWireBytes - begin.Counters.DownWireBytes) / payload;
        return
        [
            (Metrics.WireCost, upload ? up : down),
            (Metrics.BackCost, upload ? down : up),
            (Metrics.RelayDrops, end.Counters.Drops),
        ];
    }
}
