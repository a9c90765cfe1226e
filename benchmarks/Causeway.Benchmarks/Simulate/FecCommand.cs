using System.Globalization;
using System.Text;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Report;
using Causeway.Quic;
using Causeway.Quic.Tests.Simulation;

namespace Causeway.Benchmarks.Simulate;

/// <summary><c>fec</c>: what forward error correction does for requests, datagrams and bulk, in virtual time.</summary>
internal static class FecCommand
{
    private const string Help = """
        Usage: fec [options]

        Requests, datagrams and one bulk stream over simulated links that lose, with forward error correction and without. In
        virtual time: the same figures on every machine. Prints a Markdown
        table; each cell has both, without first.

          --requests N          of each run (3000)
          --datagrams N         of each run (10000)
          --seconds N           of each bulk transfer (4)
          --runs N              of each kind, over networks of consecutive seeds, taken together (4)
          --loss LIST           of 0, 1%, 5%, 10%, 20%, bursts (all)
          --kind LIST           of requests, beside, datagrams, voice, voice-deadline, video, deadline, bulk (all)
          --seed S              of the first network (1)
          --write FILE          puts the table between the marks "fec" of a Markdown file
        """;

    private static readonly string[] s_kinds = ["requests", "beside", "datagrams", "voice", "voice-deadline", "video", "deadline", "bulk"];

    public static int Run(ReadOnlySpan<string> args)
    {
        CommandOptions options = new(Help, args);
        if (options.WantsHelp)
        {
            Console.WriteLine(Help);
            return 0;
        }

        int requests = options.Integer("requests", 3000);
        int datagrams = options.Integer("datagrams", 10_000);
        int seconds = options.Integer("seconds", 4);
        int runs = options.Integer("runs", 4, 1, 1000);
        ulong seed = (ulong)options.Integer("seed", 1);
        string[] names = [.. FecRun.Losses.Select(static loss => loss.Name)];
        string[] losses = options.Choices("loss", string.Join(',', names), names);
        string[] kinds = options.Choices("kind", string.Join(',', s_kinds), s_kinds);
        (string Kind, string Loss, bool IsOn)[] cases =
            [.. from kind in kinds from loss in losses from isOn in (bool[])[false, true] select (kind, loss, isOn)];
        FecResult[] results = new FecResult[cases.Length];
        Parallel.For(
            0,
            cases.Length,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i =>
            {
                (string kind, string loss, bool isOn) = cases[i];
                FecCase one = new() { Loss = loss, Fec = isOn ? new QuicFecOptions() : QuicFecOptions.Off };
                results[i] = FecResult.Sum(
                    [.. Enumerable.Range(0, runs).Select(run => Measure(
                        kind, one with { Seed = seed + (ulong)run }, requests, datagrams, TimeSpan.FromSeconds(seconds)))]);
            });
        StringBuilder table = new();
        table.AppendLine("| traffic | loss | p50 ms | p99 ms | p99.9 ms | lost % | in 1.2 RTT % | goodput Mbit/s | wire bytes a payload byte |");
        table.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for (int i = 0; i < cases.Length; i += 2)
        {
            table.AppendLine(Row(cases[i].Kind, cases[i].Loss, results[i], results[i + 1]));
        }

        Console.Write(table);
        if (options.Text("write", "") is { Length: > 0 } page)
        {
            File.WriteAllText(page, MarkedText.Replace(File.ReadAllText(page), "fec", table.ToString()));
        }

        return 0;
    }

    private static FecResult Measure(string kind, FecCase one, int requests, int datagrams, TimeSpan seconds) =>
        kind switch
        {
            "requests" => FecRun.Requests(one, requests),
            "beside" => FecRun.Requests(one, requests, besideBulk: true),
            "datagrams" => FecRun.Datagrams(one, datagrams, 1000, TimeSpan.FromMilliseconds(5)),
            "voice" => FecRun.Datagrams(one, datagrams / 4, 160, TimeSpan.FromMilliseconds(20)),
            "voice-deadline" => FecRun.Datagrams(one, datagrams / 4, 160, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(100)),
            "video" => FecRun.Datagrams(one, datagrams, 1000, TimeSpan.FromMilliseconds(33), burst: 8),
            "deadline" => FecRun.Datagrams(one, datagrams, 1000, TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(120)),
            _ => FecRun.Bulk(one, seconds),
        };

    // Both in one cell: without FEC, and with it.
    private static string Row(string kind, string loss, FecResult off, FecResult on)
    {
        string name = kind switch
        {
            "requests" => "requests and answers of 200 B, 50/s",
            "beside" => "the same beside a bulk stream",
            "datagrams" => "datagrams of 1000 B, 200/s",
            "voice" => "datagrams of 160 B, 50/s",
            "voice-deadline" => "datagrams of 160 B, 50/s, 100 ms deadline",
            "video" => "8 datagrams of 1000 B, 30/s",
            "deadline" => "datagrams of 1000 B, 200/s, 120 ms deadline",
            _ => "one bulk stream",
        };
        string Pair(Func<FecResult, string> text) => $"{text(off)} → {text(on)}";
        string goodput = kind == "bulk" ? Pair(static result => Number(result.Goodput, 2)) : "";
        string bytes = kind == "beside" ? "" : Pair(static result => Number(result.WirePerPayload, 3));
        if (kind == "bulk")
        {
            return $"| {name} | {loss} | | | | | | {goodput} | {bytes} |";
        }

        string times = string.Join(" | ", ((double[])[50, 99, 99.9]).Select(percent => Pair(result => Time(result, percent))));
        string lost = Pair(static result => Number(100 * result.LostShare, 3));
        string inTime = Pair(static result => Number(100 * result.Within(1.2 * new FecCase { Loss = "0" }.RoundTrip), 2));
        return $"| {name} | {loss} | {times} | {lost} | {inTime} | {goodput} | {bytes} |";
    }

    private static string Number(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    private static string Time(FecResult result, double percent)
    {
        double time = result.Percentile(percent);
        return double.IsInfinity(time) ? "never" : time.ToString("F1", CultureInfo.InvariantCulture);
    }
}
