using System.Globalization;
using System.Text;
using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>
/// Goodput of kcptun's modes with windows set by hand, over a matrix of links, as a stored table.
/// </summary>
public sealed class GoodputTableTests
{
    private const int Window = 2048;

    private static readonly (string Name, FaultModelOptions Faults)[] s_losses =
    [
        ("0", new FaultModelOptions()),
        ("1%", new FaultModelOptions { Loss = 0.01 }),
        ("5%", new FaultModelOptions { Loss = 0.05 }),
        ("10%", new FaultModelOptions { Loss = 0.10 }),

        // Two percent in bursts of five datagrams on average.
        ("bursts", new FaultModelOptions { BurstEnter = 0.004, BurstLeave = 0.2 }),
    ];

    [Fact]
    public void GoodputIsThatOfTheStoredTable() => SimulationTable.Check("goodput.txt", MakeTable());

    private static string MakeTable()
    {
        StringBuilder table = new();
        table.Append("# One bulk transfer over a simulated link, send and receive windows of 2048 segments, queue of one round trip.\n");
        table.Append("# goodput: payload read, in order, in the first 5 s (3 s at 100 Mbit/s), in Mbit/s; use: share of the rate;\n");
        table.Append("# wire: bytes sent, IP and UDP headers included, per payload byte; again: share of data segments sent that were\n");
        table.Append("# repetitions; needless: how many of them the sender found spurious; twice: data segments that the receiver had already.\n");
        table.Append("rate rtt  loss    mode     goodput    use    wire    again  needless   twice\n");
        foreach (int rate in (int[])[10, 100])
        {
            foreach (int roundTrip in (int[])[5, 50, 200])
            {
                foreach ((string name, FaultModelOptions faults) in s_losses)
                {
                    foreach (string mode in (string[])["fast3", "classic"])
                    {
                        AppendRow(table, rate, roundTrip, name, faults, mode);
                    }
                }
            }
        }

        return table.ToString();
    }

    private static void AppendRow(
        StringBuilder table, int rate, int roundTrip, string loss, FaultModelOptions faults, string mode)
    {
        FaultModelOptions link = faults with
        {
            RateBitsPerSecond = rate * 1_000_000L,
            Delay = TimeSpan.FromMilliseconds(roundTrip / 2.0),
        };
        FaultPlan plan = new()
        {
            Name = "Table",
            Seed = 1,
            Forward = link,
            Backward = link with { Loss = 0, BurstEnter = 0 },
        };
        using ArqPair pair = new(plan, SimulatedModes.Named(mode, Window), pool: new PacketPool());
        TimeSpan duration = TimeSpan.FromSeconds(rate >= 100 ? 3 : 5);
        pair.First.ToWrite = long.MaxValue;
        pair.Network.Run(duration);
        pair.Check();
        ArqStatistics statistics = pair.First.Session.Statistics;
        long again = statistics.FastRetransmits + statistics.EarlyRetransmits + statistics.Timeouts;
        double goodput = pair.Second.Read * 8 / duration.TotalSeconds / 1e6;
        long wire = pair.Forward.SentBytes + (pair.Forward.Sent * link.OverheadBytes);
        table.Append(string.Create(
            CultureInfo.InvariantCulture,
            $"{rate,4} {roundTrip,3}  {loss,-6}  {mode,-7}  {goodput,7:F2}  {goodput / rate,5:P0}  "
            + $"{(double)wire / pair.Second.Read,6:F3}  {100.0 * again / statistics.OutDataSegments,5:F2} %  "
            + $"{statistics.SpuriousRetransmits,8}  {pair.Second.Session.Statistics.Repeated,6}\n"));
    }
}
