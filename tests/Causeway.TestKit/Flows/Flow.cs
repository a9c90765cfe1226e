using Causeway.Kcp.Arq;
using Causeway.Kcp.Wire;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>A sender and a receiver at the two sides of a <see cref="SharedBottleneck"/>.</summary>
public sealed class Flow : IDisposable
{
    private const int BytesBack = 100;
    private const ulong BackwardSeed = 1;

    private readonly SimulatedNetwork _network;
    private readonly int _segmentSize;
    private readonly long _bytes;

    internal Flow(SimulatedNetwork network, FaultModel forward, FaultModel backward, FlowOptions options, int index)
    {
        ArgumentNullException.ThrowIfNull(options);
        _network = network;
        _segmentSize = options.Endpoint.Arq.SegmentSize;
        _bytes = options.Bytes;
        Name = options.Name;
        ulong content = SeededRandom.Derive(network.Seed, (ulong)index);
        Sender = new ArqEndpoint(options.Endpoint, network.Pool, content, incoming: BackwardSeed);
        Receiver = new ArqEndpoint(options.Endpoint with { FollowsPeer = true }, network.Pool, outgoing: BackwardSeed, content);

        // Clocks of different origins, as in ArqPair.
        SimulatedHost sender = network.Attach($"{Name}:sender", Sender, clockOffset: TimeSpan.FromSeconds(5 + (7 * index)));
        SimulatedHost receiver = network.Attach($"{Name}:receiver", Receiver, clockOffset: TimeSpan.FromSeconds(17));
        TimeSpan jitter = options.SendJitter / 2;
        FaultModelOptions host = new() { Delay = jitter, Jitter = jitter, KeepOrder = true };
        FaultModelOptions extra = new() { Delay = options.ExtraDelay };
        FaultModel[] hostLink = jitter > TimeSpan.Zero ? [network.CreateLink(host)] : [];
        bool isLonger = options.ExtraDelay > TimeSpan.Zero;
        Forward = network.Connect(sender, receiver, isLonger ? [.. hostLink, forward, network.CreateLink(extra)] : [.. hostLink, forward]);
        Backward = network.Connect(receiver, sender, isLonger ? [backward, network.CreateLink(extra)] : [backward]);
        network.Schedule(options.Start, $"{Name} starts", Start);
        if (options.Stop is { } stop)
        {
            network.Schedule(stop, $"{Name} stops", () => Sender.ToWrite = Sender.Written);
        }
    }

    /// <summary>What reports call it.</summary>
    public string Name { get; }

    /// <summary>The end that writes.</summary>
    public ArqEndpoint Sender { get; }

    /// <summary>The end that reads.</summary>
    public ArqEndpoint Receiver { get; }

    /// <summary>The path of the data.</summary>
    public SimulatedPath Forward { get; }

    /// <summary>The path of the acknowledgements.</summary>
    public SimulatedPath Backward { get; }

    /// <summary>What it did so far. Subtract two of them for what it did in between.</summary>
    public FlowCounters Counters
    {
        get
        {
            ArqStatistics statistics = Sender.Session.Statistics;
            ArqStatistics received = Receiver.Session.Statistics;

            // All that a receiver gets here is data; what it has already is taken to be full segments.
            return new FlowCounters
            {
                Time = _network.Clock.Now - default(Protocol.Timestamp),
                Read = Receiver.Read,
                Arrived = Forward.ArrivedBytes - (received.InSegments * SegmentHeader.Size) - (received.Repeated * _segmentSize),
                WireBytes = Forward.SentBytes + (Forward.Sent * Forward.Link.Options.OverheadBytes),
                Segments = statistics.OutDataSegments,
                Retransmissions = statistics.FastRetransmits + statistics.EarlyRetransmits + statistics.Timeouts
                    + statistics.TailLossProbes,
                Spurious = statistics.SpuriousRetransmits,
                Repeated = received.Repeated,
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Sender.Dispose();
        Receiver.Dispose();
    }

    // A few bytes go back as well, as on any session that has a mux: they are how two of ours know each other.
    private void Start()
    {
        Receiver.ToWrite = BytesBack;
        Sender.ToWrite = _bytes;
    }
}
