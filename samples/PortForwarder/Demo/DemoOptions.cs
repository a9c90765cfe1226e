using System.Globalization;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol.Recovery.Congestion;

namespace Causeway.PortForwarder.Demo;

/// <summary>What <c>causeway demo</c> is told: the link's faults and the size of the transfer.</summary>
internal sealed record DemoOptions
{
    public const string Help = """
        Usage: causeway demo [options]

        Starts a TCP service, a tunnel and, inside this process, a bad link between the tunnel's two ends, and moves the same
        data through it by QUIC and by kcptun's protocol, without and with forward error correction.

          --loss PERCENT    datagrams lost at random, each way; 0 to 50 (3)
          --burst           lose them in bursts of four on average instead
          --delay MS        one-way delay; 0 to 1000 (30)
          --rate MBIT       the link's rate, each way, with a drop-tail queue; 1 to 1000 (100)
          --cc NAME         congestion control: bbr, cubic, newreno, fixed, classic (bbr)
          --size MB         megabytes to move; 1 to 200 (12)
          --seed N          the same seed, the same losses (1)
          -h, --help        this text

        """;

    private const string Allowed = "--loss, --burst, --delay, --rate, --cc, --size, --seed, --help";

    public double LossPercent { get; init; } = 3;

    public bool Burst { get; init; }

    public double DelayMilliseconds { get; init; } = 30;

    public double RateMegabits { get; init; } = 100;

    public string CongestionControl { get; init; } = "bbr";

    public double SizeMegabytes { get; init; } = 12;

    public ulong Seed { get; init; } = 1;

    public long Size => (long)(SizeMegabytes * 1_000_000);

    public TimeSpan Delay => TimeSpan.FromMilliseconds(DelayMilliseconds);

    /// <summary>Reads the options, or null if help is asked for.</summary>
    /// <exception cref="KcptunConfigException">An option is unknown or its value out of range.</exception>
    public static DemoOptions? Parse(ReadOnlySpan<string> args)
    {
        DemoOptions options = new();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i].StartsWith("--", StringComparison.Ordinal) ? args[i][2..] : args[i].TrimStart('-');
            if (name is "help" or "h")
            {
                return null;
            }

            if (name is "burst")
            {
                options = options with { Burst = true };
                continue;
            }

            if (name is not ("loss" or "delay" or "rate" or "cc" or "size" or "seed"))
            {
                throw new KcptunConfigException($"demo has no option \"{args[i]}\"; allowed: {Allowed}");
            }

            if (++i == args.Length)
            {
                throw new KcptunConfigException($"{name} has no value");
            }

            options = name switch
            {
                "loss" => options with { LossPercent = Number(name, args[i], 0, 50) },
                "delay" => options with { DelayMilliseconds = Number(name, args[i], 0, 1000) },
                "rate" => options with { RateMegabits = Number(name, args[i], 1, 1000) },
                "cc" => options with { CongestionControl = Name(name, args[i], CongestionControllers.Names) },
                "size" => options with { SizeMegabytes = Number(name, args[i], 1, 200) },
                _ => options with { Seed = (ulong)Number(name, args[i], 0, uint.MaxValue) },
            };
        }

        return options;
    }

    private static string Name(string name, string text, IReadOnlyList<string> allowed) => allowed.Contains(text)
        ? text
        : throw new KcptunConfigException($"{name} is \"{text}\"; allowed: {string.Join(", ", allowed)}");

    private static double Number(string name, string text, double min, double max) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= min && value <= max
            ? value
            : throw new KcptunConfigException(string.Create(
                CultureInfo.InvariantCulture, $"{name} is \"{text}\"; it must be a number from {min} to {max}"));
}
