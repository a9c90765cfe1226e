namespace Causeway.TestKit;

/// <summary>One flow over a <see cref="SharedBottleneck"/>.</summary>
public sealed record FlowOptions
{
    /// <summary>What reports call it.</summary>
    public required string Name { get; init; }

    /// <summary>Settings of both ends.</summary>
    public ArqEndpointOptions Endpoint { get; init; } = new();

    /// <summary>When it begins to send, counted from its addition. Default: at once.</summary>
    public TimeSpan Start { get; init; }

    /// <summary>When it stops to write, if before its end; null, the default, is never.</summary>
    public TimeSpan? Stop { get; init; }

    /// <summary>Bytes to send in all. Default: without end.</summary>
    public long Bytes { get; init; } = long.MaxValue;

    /// <summary>Delay in each direction that the flow has on top of the bottleneck's: flows of different round trips.</summary>
    public TimeSpan ExtraDelay { get; init; }

    /// <summary>
    /// How much later than the sender meant each datagram of data may reach the bottleneck: uniformly distributed from 0, by the
    /// network's seed, in order; default 0. Hosts have such jitter, simulated ones have none, and without any, flows over one
    /// drop-tail queue can fall into step, so that it is always the same one that finds the queue full: "On Traffic Phase Effects
    /// in Packet-Switched Gateways" (Floyd and Jacobson, 1992), whose remedy is this, with up to one datagram's time on the link.
    /// </summary>
    public TimeSpan SendJitter { get; init; }
}
