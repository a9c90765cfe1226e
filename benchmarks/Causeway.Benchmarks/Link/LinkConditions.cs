using System.Globalization;
using Causeway.Benchmarks.Harness;
using Causeway.Testing;

namespace Causeway.Benchmarks.Link;

/// <summary>An emulated link, the same in both directions.</summary>
internal sealed record LinkConditions
{
    private const long MinQueueBytes = 32 * 1024;

    /// <summary>Megabits per second, with 28 bytes of IP and UDP headers for each datagram; 0 is unlimited.</summary>
    public double RateMegabits { get; init; }

    /// <summary>Round trip of an empty link, in milliseconds.</summary>
    public double RoundTripMilliseconds { get; init; }

    /// <summary>Percent of datagrams lost independently.</summary>
    public double LossPercent { get; init; }

    /// <summary>Percent chance per datagram that the link turns bad, when it loses everything.</summary>
    public double BurstEnterPercent { get; init; }

    /// <summary>Percent chance per datagram that a bad link turns good again.</summary>
    public double BurstLeavePercent { get; init; } = 25;

    /// <summary>The drop-tail queue in front of the link, in products of rate and round trip; at least 32 KB.</summary>
    public double QueueProducts { get; init; } = 1;

    /// <summary>The same for the model that decides about each datagram.</summary>
    public FaultModelOptions ToFaults() => new()
    {
        RateBitsPerSecond = (long)(RateMegabits * 1e6),
        Delay = TimeSpan.FromMilliseconds(RoundTripMilliseconds / 2),
        Loss = LossPercent / 100,
        BurstEnter = BurstEnterPercent / 100,
        BurstLeave = BurstLeavePercent / 100,
        QueueBytes = Math.Max(MinQueueBytes, (long)(RateMegabits * 1e6 / 8 * RoundTripMilliseconds / 1e3 * QueueProducts)),
    };

    /// <summary>As scenarios name it.</summary>
    public (string Key, object Value)[] Describe() =>
    [
        ("rate", RateMegabits),
        ("rtt", RoundTripMilliseconds),
        ("loss", LossPercent),
        ("burst", BurstEnterPercent > 0 ? string.Create(CultureInfo.InvariantCulture, $"{BurstEnterPercent}/{BurstLeavePercent}") : "0"),
        ("queue", QueueProducts),
    ];

    /// <exception cref="UsageException">A value cannot be used.</exception>
    public static IEnumerable<LinkConditions> From(CommandOptions options)
    {
        double[] burst = options.Numbers("burst", "0,25", 0, 100);
        if (burst.Length != 2)
        {
            throw new UsageException("--burst takes two numbers, ENTER,LEAVE");
        }

        LinkConditions common = new()
        {
            RateMegabits = options.Number("rate", 100, 0, 100_000),
            RoundTripMilliseconds = options.Number("rtt", 50, 0, 10_000),
            BurstEnterPercent = burst[0],
            BurstLeavePercent = burst[1],
            QueueProducts = options.Number("queue", 1, 0, 1000),
        };
        return options.Numbers("loss", "0,1,5,10", 0, 100).Select(loss => common with { LossPercent = loss });
    }
}
