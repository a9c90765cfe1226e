using Causeway.Testing;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Links by rate, round trip, loss and queue.</summary>
internal static class SimulatedLinks
{
    // Two segments' worth: with less, a queue of half a bandwidth-delay product on a slow short path would take no datagram.
    private const long LeastQueue = 4096;

    private const double PayloadOfDatagram = 1326;
    private const double BytesOfDatagram = 1350 + 28;

    /// <summary>Kinds of loss by name; bursts are those of a Gilbert-Elliott link that turns bad for one datagram in a hundred.</summary>
    public static (string Name, FaultModelOptions Faults)[] Losses { get; } =
    [
        ("0", new FaultModelOptions()),
        ("1%", new FaultModelOptions { Loss = 0.01 }),
        ("5%", new FaultModelOptions { Loss = 0.05 }),
        ("10%", new FaultModelOptions { Loss = 0.10 }),
        ("bursts", new FaultModelOptions { BurstEnter = 0.01, BurstLeave = 0.25 }),
    ];

    /// <summary>A loss by its name.</summary>
    public static FaultModelOptions Loss(string name) => Losses.Single(one => one.Name == name).Faults;

    /// <summary>A link.</summary>
    /// <param name="megabits">Its rate in Mbit/s.</param>
    /// <param name="roundTrip">The round trip in milliseconds of which it is one half.</param>
    /// <param name="queue">Its queue in bandwidth-delay products.</param>
    /// <param name="loss">What it loses.</param>
    public static FaultModelOptions Make(double megabits, double roundTrip, double queue, FaultModelOptions? loss = null) =>
        (loss ?? new FaultModelOptions()) with
        {
            RateBitsPerSecond = (long)(megabits * 1e6),
            Delay = TimeSpan.FromMilliseconds(roundTrip / 2),
            QueueBytes = Math.Max(LeastQueue, (long)(megabits * 1e6 / 8 * roundTrip / 1000 * queue)),
        };

    /// <summary>The most payload in Mbit/s that can get through a link: full datagrams, each lost one sent again.</summary>
    public static double Possible(FaultModelOptions link)
    {
        double bad = link.BurstEnter / (link.BurstEnter + link.BurstLeave);
        double survives = (1 - link.Loss) * (1 - (bad * link.BurstLoss));
        return link.RateBitsPerSecond / 1e6 * (PayloadOfDatagram / BytesOfDatagram) * survives;
    }
}
