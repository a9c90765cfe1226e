using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>
/// Flows that share one bottleneck in virtual time: one link for each direction, with one queue, that all of their datagrams
/// pass. Each flow is a pair of ARQ sessions of its own, which starts, and may stop, at a time of its own.
/// </summary>
/// <example>
/// <code>
/// using SharedBottleneck bottleneck = new(plan);
/// Flow first = bottleneck.Add(new FlowOptions { Name = "first" });
/// Flow second = bottleneck.Add(new FlowOptions { Name = "second", Start = TimeSpan.FromSeconds(1) });
/// bottleneck.Run(TimeSpan.FromSeconds(10));
/// FlowCounters before = second.Counters;
/// bottleneck.Run(TimeSpan.FromSeconds(10));
/// double megabits = (second.Counters - before).Goodput / 1e6;
/// </code>
/// </example>
public sealed class SharedBottleneck : IDisposable
{
    private readonly List<Flow> _flows = [];

    /// <summary>Makes a bottleneck without flows.</summary>
    /// <param name="plan">What it does; changes of addresses and clocks are for pairs, not for this.</param>
    /// <param name="pool">Every buffer of all flows; one of its own unless given.</param>
    /// <exception cref="ArgumentException">The plan rebinds an address or lets a clock leap.</exception>
    public SharedBottleneck(FaultPlan plan, PacketPool? pool = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Network = new SimulatedNetwork(plan.Seed, pool) { Description = plan.ToString() };
        Forward = new FaultModel(plan.Forward, plan.Seed, direction: 0);
        Backward = new FaultModel(plan.Backward, plan.Seed, direction: 1);
        Queue = new QueueMeter(Forward);
        foreach (PlannedChange change in plan.Changes)
        {
            if (change.Rebind || change.ClockJump > TimeSpan.Zero)
            {
                throw new ArgumentException("A shared bottleneck changes no addresses and no clocks.", nameof(plan));
            }

            Network.Schedule(change.At, change.ToString(), () => change.Apply(Forward, Backward));
        }
    }

    /// <summary>The network that all flows live in.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>The link that carries data.</summary>
    public FaultModel Forward { get; }

    /// <summary>The link that carries acknowledgements.</summary>
    public FaultModel Backward { get; }

    /// <summary>How long datagrams with data wait.</summary>
    public QueueMeter Queue { get; }

    /// <summary>The flows in the order in which they were added.</summary>
    public IReadOnlyList<Flow> Flows => _flows;

    /// <summary>Adds a flow, which sends from its start on as much as it may.</summary>
    public Flow Add(FlowOptions options)
    {
        Flow flow = new(Network, Forward, Backward, options, _flows.Count);
        _flows.Add(flow);
        Queue.Watch(flow.Forward);
        return flow;
    }

    /// <summary>Lets a duration pass.</summary>
    /// <exception cref="SimulationException">A byte of a flow was out of place, or a livelock.</exception>
    public void Run(TimeSpan duration)
    {
        Network.Run(duration);
        foreach (Flow flow in _flows)
        {
            if ((flow.Sender.Violation ?? flow.Receiver.Violation) is { } violation)
            {
                throw Network.Failure($"{flow.Name}: {violation}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Flow flow in _flows)
        {
            flow.Dispose();
        }

        Network.Clear();
    }
}
