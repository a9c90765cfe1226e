using System.Globalization;

namespace Causeway.Benchmarks.Tunnel;

/// <summary>
/// <c>tunnel</c>: one tunnel over loopback as separate processes, ours and any peer's side by side in one run, alternating,
/// with the same settings; medians, spread and paired ratios of throughput, CPU seconds per GB and peak memory.
/// </summary>
internal static class TunnelCommand
{
    private const string Help = """
        Usage: tunnel [options]

          --crypt NAME          cipher of both (aes)
          --fec DS,PS           shards, 0,0 for none (0,0)
          --streams N[,N...]    TCP connections at a time (1)
          --direction DIR       down, up or both one after the other (down)
          --runs N              runs of each (5)
          --seconds S           length of a run (4)
          --window N            sndwnd and rcvwnd (2048)
          --mode NAME           (fast3)
          --smuxver N           (2)
          --causeway DLL        our forwarder (artifacts/bin/PortForwarder/release/causeway-cli.dll)
          --peer CLIENT,SERVER  another implementation's programs (kcptun-client,kcptun-server; none to leave it out)
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        Dictionary<string, string> options = [];
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] is "--help" or "-h" || !args[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == args.Length)
            {
                Console.WriteLine(Help);
                return args[i] is "--help" or "-h" ? 0 : 2;
            }

            options[args[i][2..]] = args[++i];
        }

        string Get(string name, string fallback) => options.GetValueOrDefault(name, fallback);
        string causeway = Get("causeway", Path.Combine("artifacts", "bin", "PortForwarder", "release", "causeway-cli.dll"));
        string[] shards = Get("fec", "0,0").Split(',');
        string[] settings =
        [
            "--crypt", Get("crypt", "aes"), "--mode", Get("mode", "fast3"), "--nocomp", "--smuxver", Get("smuxver", "2"),
            "--ds", shards[0], "--ps", shards[1], "--sndwnd", Get("window", "2048"), "--rcvwnd", Get("window", "2048"),
            "--quiet",
        ];

        List<TunnelProgram> programs =
        [
            new("causeway", ["dotnet", "exec", causeway, "client"], ["dotnet", "exec", causeway, "server"], settings),
        ];
        if (Get("peer", "kcptun-client,kcptun-server") is var peer && peer != "none")
        {
            string[] pair = peer.Split(',');
            programs.Add(new TunnelProgram("peer", [pair[0]], [pair[1]], settings));
        }

        int runs = int.Parse(Get("runs", "5"), CultureInfo.InvariantCulture);
        double seconds = double.Parse(Get("seconds", "4"), CultureInfo.InvariantCulture);
        string[] directions = Get("direction", "down") is "both" ? ["down", "up"] : [Get("direction", "down")];
        Console.WriteLine(string.Join(' ', settings));
        Console.WriteLine($"{"",-28} {"Mbit/s",22} {"CPU s/GB",20} {"peak MB, both ends",20}   ratio");
        foreach (string direction in directions)
        {
            foreach (string streams in Get("streams", "1").Split(','))
            {
                await CompareAsync(programs, int.Parse(streams, CultureInfo.InvariantCulture), direction == "up", runs, seconds);
            }
        }

        return 0;
    }

    private static async Task CompareAsync(List<TunnelProgram> programs, int streams, bool upload, int runs, double seconds)
    {
        List<TunnelResult>[] results = [.. programs.Select(static _ => new List<TunnelResult>())];
        for (int run = 0; run < runs; run++)
        {
            for (int i = 0; i < programs.Count; i++)
            {
                results[i].Add(await TunnelRun.MeasureAsync(programs[i], streams, upload, seconds));
            }
        }

        for (int i = 0; i < programs.Count; i++)
        {
            string ratio = i == 0 || programs.Count < 2 ? "" : "";
            if (i == 0 && programs.Count > 1)
            {
                ratio = string.Create(CultureInfo.InvariantCulture, $"   {Median(results[0].Zip(results[1], static (a, b) => a.MegabitsPerSecond / b.MegabitsPerSecond)):0.00}x throughput, {Median(results[0].Zip(results[1], static (a, b) => a.CpuSecondsPerGigabyte / b.CpuSecondsPerGigabyte)):0.00}x CPU");
            }

            Console.WriteLine(
                $"{programs[i].Name,-10} {(upload ? "up" : "down"),-5} {streams,4} streams "
                + $"{Spread(results[i].Select(static r => r.MegabitsPerSecond), "0"),22} "
                + $"{Spread(results[i].Select(static r => r.CpuSecondsPerGigabyte), "0.00"),20} "
                + $"{Spread(results[i].Select(static r => r.PeakMegabytes), "0"),20}{ratio}");
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Spread(IEnumerable<double> values, string format)
    {
        double[] all = [.. values];
        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return $"{Text(Median(all))} ({Text(all.Min())}-{Text(all.Max())})";
    }
}
