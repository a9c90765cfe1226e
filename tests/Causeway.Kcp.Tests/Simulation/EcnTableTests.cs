using System.Globalization;
using System.Text;
using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>What a bottleneck that marks in place of dropping does for the controllers, as a stored table.</summary>
public sealed class EcnTableTests
{
    private const string Table = "ecn.txt";

    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_steady = TimeSpan.FromSeconds(10);
    private static readonly (int Megabits, int RoundTrip)[] s_paths = [(20, 20), (100, 50), (50, 100)];
    private static readonly int[] s_thresholds = [0, 5];

    private readonly PacketPool _pool = new();

    [Fact]
    public void MarksAreThoseOfTheStoredTable()
    {
        (int Megabits, int RoundTrip, string Controller, int Threshold)[] cases =
        [
            .. from path in s_paths
               from controller in SimulatedControllers.Modern
               from threshold in s_thresholds
               select (path.Megabits, path.RoundTrip, controller, threshold),
        ];
        StringBuilder table = new();
        table.Append("# One bulk transfer over a bottleneck with a queue of one bandwidth-delay product that marks what waits longer than the\n");
        table.Append("# threshold (ms; 0: the link does not mark), if it can be marked. First 3 s and then 10 s: use, in % of what a link\n");
        table.Append("# can carry; datagrams that the queue dropped; share of marked ones; time in the queue, in ms.\n");
        table.Append("Mbit/s  rtt  controller  mark |  use 3s  lost  marked  wait50  wait99 |  use 10s  lost  marked  wait50  wait99\n");
        foreach (string row in SimulationTable.Make(cases, Run))
        {
            table.Append(row);
        }

        SimulationTable.Check(Table, table.ToString());
    }

    private string Run((int Megabits, int RoundTrip, string Controller, int Threshold) one)
    {
        FaultModelOptions link = SimulatedLinks.Make(one.Megabits, one.RoundTrip, queue: 1) with
        {
            MarkThreshold = TimeSpan.FromMilliseconds(one.Threshold),
        };
        FaultPlan plan = new() { Name = "Marks", Seed = 1, Forward = link, Backward = link };
        using SharedBottleneck bottleneck = new(plan, _pool);
        ArqEndpointOptions endpoint = SimulatedControllers.Named(one.Controller);
        endpoint = endpoint with { Arq = endpoint.Arq with { Ecn = true } };
        Flow flow = bottleneck.Add(new FlowOptions { Name = one.Controller, Endpoint = endpoint });
        string start = Measure(bottleneck, flow, s_start);
        string steady = Measure(bottleneck, flow, s_steady);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{one.Megabits,6}  {one.RoundTrip,3}  {one.Controller,-10}  {one.Threshold,4} |  {start} |  {steady}\n");
    }

    private static string Measure(SharedBottleneck bottleneck, Flow flow, TimeSpan duration)
    {
        FlowCounters before = flow.Counters;
        FaultStatistics passed = bottleneck.Forward.Statistics;
        bottleneck.Queue.Microseconds.Clear();
        bottleneck.Run(duration);
        FaultStatistics now = bottleneck.Forward.Statistics;
        double use = (flow.Counters - before).Goodput / 1e6 / SimulatedLinks.Possible(bottleneck.Forward.Options);
        double marked = (now.Marked - passed.Marked) / (double)(now.Sent - passed.Sent);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * use,6:F1}  {now.LostToQueue - passed.LostToQueue,4}  {100 * marked,4:F1} %  "
            + $"{bottleneck.Queue.Microseconds.Percentile(50) / 1000.0,6:F1}  "
            + $"{bottleneck.Queue.Microseconds.Percentile(99) / 1000.0,6:F1}");
    }
}
