using System.Globalization;
using System.Text;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>One bulk transfer by every congestion controller over a matrix of links, as a stored table.</summary>
public sealed class CongestionTableTests
{
    private const string Table = "congestion.txt";

    private static readonly double[] s_queues = [0.5, 1, 4];

    private readonly PacketPool _pool = new();

    [Fact]
    public void TransfersAreThoseOfTheStoredTable()
    {
        Case[] cases = [.. Cases()];
        StringBuilder table = new();
        table.Append("# One bulk transfer over a simulated link that is the same both ways: acknowledgements get lost, too.\n");
        table.Append("# rate in Mbit/s, rtt in ms, queue in bandwidth-delay products, bursts are 3.8 % in bursts of four on average.\n");
        table.Append("# Settings are the defaults, with windows of 65535 segments, for classic and fixed of 1024. The first third of the\n");
        table.Append("# time is start-up and counts for nothing. goodput: new payload that arrived, in Mbit/s; share: of what is possible with\n");
        table.Append("# full datagrams, each lost one sent again; wire: bytes sent with IP and UDP headers for each byte of payload; wait: what\n");
        table.Append("# datagrams wait in the queue, in ms, p50 and p99; again: data segments sent again, of all sent; needless: how many\n");
        table.Append("# of these the sender found out to be so; twice: data segments that the receiver had already.\n");
        table.Append("rate rtt queue loss    controller  goodput  share   wire  wait50  wait99   again  needless  twice\n");
        foreach ((string row, _) in SimulationTable.Make(cases, one => Run(one, seed: 1)))
        {
            table.Append(row);
        }

        SimulationTable.Check(Table, table.ToString());
    }

    /// <summary>
    /// The goals are 93, 92, 87, 81 and 88 Mbit/s for a tunnel whose cipher takes 20 bytes of a datagram; here there is none, so
    /// that as much more has to arrive. What a few seconds of losses do is a matter of chance: the mean of several runs counts.
    /// </summary>
    [Theory]
    [InlineData("0", 93)]
    [InlineData("1%", 92)]
    [InlineData("5%", 87)]
    [InlineData("10%", 81)]
    [InlineData("bursts", 88)]
    public void BbrFillsAPathThatLoses(string loss, double goal)
    {
        ulong[] seeds = [1, 2, 3, 4, 5, 6];
        Case one = new(Rate: 100, RoundTrip: 50, Queue: 1, loss, "bbr");
        (string Row, double Goodput)[] runs = SimulationTable.Make(seeds, seed => Run(one, seed));
        Assert.True(
            runs.Average(static run => run.Goodput) >= goal * 1326 / 1306, string.Concat(runs.Select(static run => run.Row)));
    }

    // What the stored table, which the first test proves true, holds of the other goals.
    [Theory]
    [InlineData("0")]
    [InlineData("5%")]
    [InlineData("bursts")]
    public void BbrKeepsADeepQueueShort(string loss) =>
        Assert.InRange(Stored("bbr", queue: "4", loss, column: 9), 0, 0.3 * 50);

    [Theory]
    [InlineData("5%")]
    [InlineData("10%")]
    [InlineData("bursts")]
    public void NothingIsSentAgainThatHasArrived(string loss) =>
        Assert.InRange(Stored("bbr", queue: "1", loss, column: 13), 0, 5);

    [Fact]
    public void BbrSendsLittleMoreThanWhatALossyPathTakes() =>
        Assert.InRange(Stored("bbr", queue: "1", loss: "5%", column: 7), 1, 1.10);

    // Of the rows for 100 Mbit/s x 50 ms.
    private static double Stored(string controller, string queue, string loss, int column)
    {
        string[] row = SimulationTable.Rows(Table).Single(row =>
            row[0] == "100" && row[1] == "50" && row[2] == queue && row[3] == loss && row[4] == controller);
        return double.Parse(row[column], CultureInfo.InvariantCulture);
    }

    private static IEnumerable<Case> Cases()
    {
        foreach (int rate in (int[])[10, 100, 1000])
        {
            foreach (int roundTrip in (int[])[5, 50, 200])
            {
                foreach (double queue in s_queues)
                {
                    foreach ((string loss, _) in SimulatedLinks.Losses)
                    {
                        // Windows that are set by hand depend on what somebody set: one link is enough to show it.
                        bool withHandSet = rate == 100 && roundTrip == 50 && queue == 1;
                        foreach (string controller in (string[])[.. SimulatedControllers.Modern, .. withHandSet ? SimulatedControllers.HandSet : []])
                        {
                            yield return new Case(rate, roundTrip, queue, loss, controller);
                        }
                    }
                }
            }
        }
    }

    private (string Row, double Goodput) Run(Case one, ulong seed)
    {
        FaultModelOptions link =
            SimulatedLinks.Make(one.Rate, one.RoundTrip, one.Queue, SimulatedLinks.Loss(one.Loss));
        FaultPlan plan = new() { Name = one.ToString(), Seed = seed, Forward = link, Backward = link };
        using SharedBottleneck bottleneck = new(plan, _pool);
        Flow flow = bottleneck.Add(new FlowOptions { Name = one.Controller, Endpoint = SimulatedControllers.Named(one.Controller) });
        TimeSpan third = Duration(one) / 3;
        bottleneck.Run(third);
        FlowCounters before = flow.Counters;
        bottleneck.Queue.Microseconds.Clear();
        bottleneck.Run(2 * third);
        FlowCounters done = flow.Counters - before;
        double goodput = done.Goodput / 1e6;
        string row = string.Create(
            CultureInfo.InvariantCulture,
            $"{one.Rate,4} {one.RoundTrip,3} {one.Queue,5} {one.Loss,-6}  {one.Controller,-10}  {goodput,7:F2}  "
            + $"{100 * goodput / SimulatedLinks.Possible(link),5:F1}  {done.WirePerPayload,5:F3}  "
            + $"{Milliseconds(bottleneck, 50),6:F2}  {Milliseconds(bottleneck, 99),6:F2}  "
            + $"{100.0 * done.Retransmissions / Math.Max(1, done.Segments),4:F1} %  {done.Spurious,8}  {done.Repeated,5}\n");
        return (row, goodput);
    }

    private static double Milliseconds(SharedBottleneck bottleneck, double percent) =>
        bottleneck.Queue.Microseconds.Percentile(percent) / 1000.0;

    // At least some forty round trips, and some seconds where a second is not many datagrams.
    private static TimeSpan Duration(Case one) => TimeSpan.FromSeconds((one.Rate, one.RoundTrip) switch
    {
        (1000, 5) => 0.9,
        (1000, 50) => 2.4,
        (1000, _) => 7.5,
        (100, 5) => 4.5,
        (100, 50) => 9,
        (100, _) => 12,
        (_, 200) => 24,
        _ => 15,
    });

    private sealed record Case(int Rate, int RoundTrip, double Queue, string Loss, string Controller);
}
