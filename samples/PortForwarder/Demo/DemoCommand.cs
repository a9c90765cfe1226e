using System.Globalization;

namespace Causeway.PortForwarder.Demo;

/// <summary>
/// <c>causeway demo</c>: the main job with nothing else installed. The same transfer over the same bad link by QUIC and by the
/// kcptun profile, without and with forward error correction, beside what plain TCP would make of it.
/// </summary>
internal static class DemoCommand
{
    public static async Task<int> RunAsync(string[] args, TextWriter output)
    {
        if (DemoOptions.Parse(args) is not { } options)
        {
            await output.WriteAsync(DemoOptions.Help).ConfigureAwait(false);
            return CommandLine.Success;
        }

        await using DemoService service = new(options.Size, options.Seed);
        DemoProgress progress = new(output, isTerminal: !Console.IsOutputRedirected);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"TCP client -> causeway client -> [bad link] -> causeway server -> TCP service, all in this process.\nThe link: {options.LossPercent} % loss{(options.Burst ? " in bursts" : "")}, {options.DelayMilliseconds} ms each way, {options.RateMegabits} Mbit/s. Moving {options.SizeMegabytes} MB down, congestion control {options.CongestionControl}.\n"))
            .ConfigureAwait(false);

        DemoRun run = new(options, service, progress);
        DemoResult[] results =
        [
            await run.RunQuicAsync("QUIC").ConfigureAwait(false),
            await run.RunKcptunAsync("kcptun profile", 0, 0).ConfigureAwait(false),
            await run.RunKcptunAsync("kcptun profile, FEC 10+3", 10, 3).ConfigureAwait(false),
        ];
        await output.WriteLineAsync(Table(options, results)).ConfigureAwait(false);
        bool intact = results.All(static result => result.IsIntact);
        await output.WriteLineAsync(intact
            ? "SHA-256 of every transfer: as sent."
            : "SHA-256: WRONG or incomplete for " + string.Join(" and ", results.Where(static r => !r.IsIntact).Select(static r => r.Name)) + ".")
            .ConfigureAwait(false);
        return intact ? CommandLine.Success : CommandLine.Failed;
    }

    private static string Table(DemoOptions options, DemoResult[] results)
    {
        using StringWriter table = new(CultureInfo.InvariantCulture);
        table.WriteLine();
        table.WriteLine($"{"",-24} {"seconds",8} {"Mbit/s",8} {"lost",7} {"repaired",9} {"sent again",11} {"wire/payload",13}");
        foreach (DemoResult result in results)
        {
            table.WriteLine(
                $"{result.Name,-24} {result.Elapsed.TotalSeconds,8:0.0} {result.Bytes * 8 / 1e6 / result.Elapsed.TotalSeconds,8:0.0} {result.LossPercent,5:0.0} % {result.Repaired,9} {result.SentAgain,11} {result.WireBytesPerByte,13:0.00}");
        }

        double tcp = TcpEquation.Throughput(options.LossPercent / 100, 2 * options.Delay, options.RateMegabits * 1e6 / 8);
        table.WriteLine($"{"plain TCP (computed)",-24} {options.Size / tcp,8:0.0} {tcp * 8 / 1e6,8:0.0}");
        table.WriteLine();
        table.Write("Plain TCP is computed by RFC 5348, 3.1, for loss-based congestion control; the others are measured.");
        return table.ToString();
    }
}
