using System.Globalization;
using System.Text;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>How controllers follow a path that changes or misbehaves, as a stored table of time series.</summary>
public sealed class DynamicsTableTests
{
    private const string Table = "dynamics.txt";
    private const int Steps = 24;

    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(500);
    private static readonly FaultModelOptions s_link = SimulatedLinks.Make(100, 50, 1);

    private static readonly FaultPlan[] s_plans =
    [
        Both("start", s_link),
        Both("rate-falls", s_link) with { Changes = [Change(4, s_link with { RateBitsPerSecond = 25_000_000 })] },
        Both("rate-rises", s_link with { RateBitsPerSecond = 25_000_000 }) with { Changes = [Change(4, s_link)] },
        Both("rtt-doubles", s_link) with { Changes = [Change(4, s_link with { Delay = s_link.Delay * 2 })] },
        Both("rtt-halves", s_link) with { Changes = [Change(4, s_link with { Delay = s_link.Delay / 2 })] },
        Both("ack-loss-20%", s_link) with { Backward = s_link with { Loss = 0.2 } },
        Both("reorder-2%", s_link) with { Forward = s_link with { Reorder = 0.02, ReorderGap = TimeSpan.FromMilliseconds(8) } },
        Both("policer-40", s_link) with { Forward = s_link with { PolicerBitsPerSecond = 40_000_000, PolicerBurstBytes = 128 * 1024 } },
        Both("blackout-2s", s_link) with
        {
            Changes =
            [
                new PlannedChange { At = TimeSpan.FromSeconds(4), Blackout = true },
                new PlannedChange { At = TimeSpan.FromSeconds(6), Blackout = false },
            ],
        },
    ];

    private readonly PacketPool _pool = new();

    [Fact]
    public void TimeSeriesAreThoseOfTheStoredTable()
    {
        (FaultPlan Plan, string Controller)[] cases =
            [.. s_plans.SelectMany(static plan => SimulatedControllers.Modern.Select(controller => (plan, controller)))];
        StringBuilder table = new();
        table.Append("# One bulk transfer over 100 Mbit/s x 50 ms with a queue of one bandwidth-delay product; what the name says happens after\n");
        table.Append("# 4 s, or all the time: rates are 100 and 25 Mbit/s; 2 % of the datagrams come 8 ms late; a policer of 40 Mbit/s with a\n");
        table.Append("# bucket of 128 KiB; a blackout of 2 s. wire: bytes sent with IP and UDP headers for each byte of payload; again: data\n");
        table.Append("# segments sent again, of all sent; needless: how many of these the sender found out to be so; twice: data segments that\n");
        table.Append("# the receiver had already; wait99: in the queue, in ms; then Mbit/s of payload read in each half second.\n");
        table.Append("path          controller   wire   again  needless  twice  wait99 |");
        for (int i = 1; i <= Steps; i++)
        {
            table.Append(CultureInfo.InvariantCulture, $" {i * s_step.TotalSeconds,5:F1}");
        }

        table.Append('\n');
        foreach (string row in SimulationTable.Make(cases, Run))
        {
            table.Append(row);
        }

        SimulationTable.Check(Table, table.ToString());
    }

    private string Run((FaultPlan Plan, string Controller) one)
    {
        using SharedBottleneck bottleneck = new(one.Plan, _pool);
        Flow flow = bottleneck.Add(
            new FlowOptions { Name = one.Controller, Endpoint = SimulatedControllers.Named(one.Controller) });
        StringBuilder series = new();
        long read = 0;
        for (int i = 0; i < Steps; i++)
        {
            bottleneck.Run(s_step);
            long now = flow.Counters.Read;
            series.Append(CultureInfo.InvariantCulture, $" {(now - read) * 8 / s_step.TotalSeconds / 1e6,5:F1}");
            read = now;
        }

        FlowCounters done = flow.Counters;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{one.Plan.Name,-13} {one.Controller,-10}  {done.WirePerPayload,5:F3}  "
            + $"{100.0 * done.Retransmissions / done.Segments,4:F1} %  {done.Spurious,8}  {done.Repeated,5}  "
            + $"{bottleneck.Queue.Microseconds.Percentile(99) / 1000.0,6:F1} |{series}\n");
    }

    private static FaultPlan Both(string name, FaultModelOptions link) =>
        new() { Name = name, Seed = 1, Forward = link, Backward = link };

    private static PlannedChange Change(double seconds, FaultModelOptions link) =>
        new() { At = TimeSpan.FromSeconds(seconds), Forward = link, Backward = link };
}
