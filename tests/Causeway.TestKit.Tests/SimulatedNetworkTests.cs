using Causeway.Protocol;
using Causeway.Testing;

namespace Causeway.TestKit.Tests;

public sealed class SimulatedNetworkTests
{
    private static readonly FaultModelOptions s_tenMilliseconds = new() { Delay = TimeSpan.FromMilliseconds(10) };

    private readonly PacketPool _pool = new(track: true);

    [Fact]
    public void DatagramsArriveAfterTheDelayInTheClockOfEachEnd()
    {
        PingEndpoint pinger = new(3, TimeSpan.FromMilliseconds(4), Timestamp.FromMilliseconds(7000));
        PingEndpoint echo = new() { Echoes = true };
        SimulatedNetwork network = new(1, _pool);
        SimulatedHost first = network.Attach("pinger", pinger, clockOffset: TimeSpan.FromSeconds(7));
        SimulatedHost second = network.Attach("echo", echo, clockOffset: TimeSpan.FromHours(1));
        network.Connect(first, second, new FaultPlan { Name = "test", Forward = s_tenMilliseconds, Backward = s_tenMilliseconds });
        network.RunUntil(() => pinger.Arrivals.Count == 3, TimeSpan.FromSeconds(1));
        Assert.Equal([7_020_000, 7_024_000, 7_028_000], pinger.Arrivals.Select(arrival => arrival.At.Microseconds));
        Assert.Equal(TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(10), echo.Arrivals[0].At - Timestamp.Zero);
        Assert.Equal([0, 1, 2], pinger.Arrivals.Select(arrival => arrival.Number));
        Assert.Equal(first.Address, echo.Arrivals[0].From);
        Assert.Equal(28_000, network.Clock.Now.Microseconds);
        Assert.Equal((3, 300, 3, 300), (network.Paths[1].Sent, network.Paths[1].SentBytes, network.Paths[1].Arrived, network.Paths[1].ArrivedBytes));
        network.Drive(TimeSpan.FromSeconds(1));
        Assert.False(network.Step());
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void SameSeedGivesTheSameRunAndAnotherSeedAnotherOne()
    {
        FaultPlan plan = FaultPlans.Random(77) with { Changes = [] };
        Assert.Equal(Fingerprint(plan), Fingerprint(plan));
        Assert.NotEqual(Fingerprint(plan), Fingerprint(plan with { Seed = 78 }));

        static (ulong, long) Fingerprint(FaultPlan plan)
        {
            (SimulatedNetwork network, _, _) = PingAndEcho(plan, count: 500);
            network.Drive(TimeSpan.FromMinutes(1));
            return (network.Log.Fingerprint, network.Log.Count);
        }
    }

    [Fact]
    public void CopiesOfADuplicatedDatagramHaveTheirOwnMemory()
    {
        FaultModelOptions options = s_tenMilliseconds with { Duplicate = 1 };
        (SimulatedNetwork network, _, PingEndpoint echo) = PingAndEcho(
            new FaultPlan { Name = "test", Forward = options }, count: 5, pool: _pool);
        network.Drive(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], echo.Arrivals.Select(arrival => arrival.Number));
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void InterceptorsDropAndRewrite()
    {
        (SimulatedNetwork network, PingEndpoint pinger, _) = PingAndEcho(
            new FaultPlan { Name = "test", Forward = s_tenMilliseconds }, count: 4, pool: _pool);
        network.Paths[0].OnDatagram = (path, datagram, _) =>
        {
            if (path.Sent == 2)
            {
                return DatagramVerdict.Drop;
            }

            datagram.Payload[1] = 1;
            return DatagramVerdict.Pass;
        };
        network.Drive(TimeSpan.FromSeconds(1));
        Assert.Equal([256, 258, 259], pinger.Arrivals.Select(arrival => arrival.Number));
        Assert.Equal(1, network.Paths[0].Intercepted);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void RebindingChangesTheSourceAndStraysWhatIsUnderWay()
    {
        FaultPlan plan = new()
        {
            Name = "test",
            Forward = s_tenMilliseconds,
            Backward = s_tenMilliseconds,
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(15), Rebind = true }],
        };
        (SimulatedNetwork network, PingEndpoint pinger, PingEndpoint echo) = PingAndEcho(plan, count: 4, pool: _pool, interval: 10);
        PeerAddress before = network.Hosts[0].Address;
        network.Drive(TimeSpan.FromSeconds(1));
        PeerAddress after = network.Hosts[0].Address;
        Assert.NotEqual(before, after);
        Assert.Equal([before, before, after, after], echo.Arrivals.Select(arrival => arrival.From));

        // Sent at 0 ms: echoed at 10 ms, astray at 20 ms. Sent at 10 ms: echoed at 20 ms to an address nobody has.
        Assert.Equal([2, 3], pinger.Arrivals.Select(arrival => arrival.Number));
        Assert.Equal(1, network.Paths[1].Stray);
        Assert.Equal(1, network.Hosts[1].Unreachable);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void PlannedChangesHappenAtTheirTime()
    {
        FaultPlan plan = new()
        {
            Name = "test",
            Forward = s_tenMilliseconds,
            Changes =
            [
                new PlannedChange { At = TimeSpan.FromMilliseconds(25), Blackout = true },
                new PlannedChange { At = TimeSpan.FromMilliseconds(45), Blackout = false },
                new PlannedChange { At = TimeSpan.FromMilliseconds(65), Forward = new() { Delay = TimeSpan.FromMilliseconds(20) } },
            ],
        };
        (SimulatedNetwork network, _, PingEndpoint echo) = PingAndEcho(plan, count: 9, interval: 10);
        network.Drive(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 1, 2, 5, 6, 7, 8], echo.Arrivals.Select(arrival => arrival.Number));
        Assert.Equal([10, 20, 30, 60, 70, 90, 100], echo.Arrivals.Select(arrival => arrival.At.Microseconds / 1000));
    }

    [Fact]
    public void ClockLeapsAreSeenByTheEndpointAlone()
    {
        PingEndpoint pinger = new(2, TimeSpan.FromSeconds(10));
        SimulatedNetwork network = new(1, _pool);
        SimulatedHost first = network.Attach("pinger", pinger);
        PingEndpoint sink = new();
        SimulatedHost second = network.Attach("sink", sink);
        network.Connect(first, second, new FaultModel(s_tenMilliseconds, 1, 0));
        network.Schedule(TimeSpan.FromSeconds(1), "leap", () => first.JumpClock(TimeSpan.FromSeconds(20)));
        network.Drive(TimeSpan.FromSeconds(5));
        Assert.Equal([10, 1010], sink.Arrivals.Select(arrival => arrival.At.Microseconds / 1000));
    }

    [Fact]
    public void PathsThatShareALinkShareItsRate()
    {
        // 972 + 28 bytes at 8 Mbit/s: 1 ms each. Two senders of one datagram a millisecond need twice that.
        SimulatedNetwork network = new(1, _pool);
        FaultModel bottleneck = network.CreateLink(new FaultModelOptions { RateBitsPerSecond = 8_000_000, QueueBytes = 1_000_000 });
        PingEndpoint sink = new();
        SimulatedHost receiver = network.Attach("sink", sink);
        for (int i = 0; i < 2; i++)
        {
            SimulatedHost sender = network.Attach($"sender{i}", new PingEndpoint(100, TimeSpan.FromMilliseconds(1)) { Size = 972 });
            network.Connect(sender, receiver, network.CreateLink(s_tenMilliseconds), bottleneck);
        }

        network.Drive(TimeSpan.FromSeconds(5));
        Assert.Equal(200, sink.Arrivals.Count);
        Assert.Equal(10_000 + 200_000, network.Clock.Now.Microseconds);
        Assert.Equal(network.Hosts.Skip(1).Select(host => host.Address), sink.Arrivals.Take(2).Select(arrival => arrival.From));
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void AnEndpointThatAlwaysWantsATurnIsReportedAsALivelock()
    {
        SimulatedNetwork network = new(0xABC);
        network.Attach("restless", new RestlessEndpoint());
        SimulationException failure = Assert.Throws<SimulationException>(() => network.Run(TimeSpan.FromSeconds(1)));
        Assert.Contains("Livelock", failure.Message, StringComparison.Ordinal);
        Assert.Contains("restless", failure.Message, StringComparison.Ordinal);
        Assert.Contains("seed 0xABC", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EndpointsWithoutDelayBetweenThemDoNotStopTheTime()
    {
        FaultPlan plan = FaultPlans.Named("Instant");
        SimulatedNetwork network = new(1);
        PingEndpoint first = new(1) { Echoes = true };
        SimulatedHost one = network.Attach("one", first);
        SimulatedHost other = network.Attach("other", new PingEndpoint { Echoes = true });
        network.Connect(one, other, plan);
        network.Run(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1000, network.Clock.Now.Microseconds);
        Assert.Equal(500, first.Arrivals.Count);
    }

    [Fact]
    public void FailuresShowThePlanTheCountersAndTheLastEvents()
    {
        FaultPlan plan = FaultPlans.Named("Lossy20", seed: 0x5EED);
        (SimulatedNetwork network, _, _) = PingAndEcho(plan, count: 200);
        SimulationException failure = Assert.Throws<SimulationException>(
            () => network.RunUntil(() => false, TimeSpan.FromSeconds(30)));
        Assert.Contains("Lossy20 (seed 0x5EED): both [loss 20%", failure.Message, StringComparison.Ordinal);
        Assert.Contains("pinger->echo: 200 sent (20000 bytes)", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Random", failure.Message, StringComparison.Ordinal);
        Assert.InRange(failure.Message.Split('\n').Length, SimulatedNetwork.LogCapacity, SimulatedNetwork.LogCapacity + 20);
    }

    [Fact]
    public void TimersOfATimeProviderFireBetweenTheDatagrams()
    {
        SimulatedNetwork network = new(1);
        VirtualTimeProvider time = new(network.Clock);
        network.Attach(time);
        List<string> order = [];
        using ITimer timer = time.CreateTimer(
            _ => order.Add($"timer {network.Clock.Now.Microseconds}"), null, TimeSpan.FromMilliseconds(15), TimeSpan.FromMilliseconds(10));
        SimulatedHost first = network.Attach("first", new PingEndpoint(3, TimeSpan.FromMilliseconds(10)));
        SimulatedHost second = network.Attach("second", new PingEndpoint());
        network.Connect(first, second, network.CreateLink(s_tenMilliseconds)).OnDatagram = (_, _, now) =>
        {
            order.Add($"datagram {now.Microseconds}");
            return DatagramVerdict.Pass;
        };
        network.Run(TimeSpan.FromMilliseconds(30));
        Assert.Equal(["datagram 0", "datagram 10000", "timer 15000", "datagram 20000", "timer 25000"], order);
        Assert.Equal(30_000, time.GetTimestamp());
        Assert.Throws<ArgumentException>(() => network.Attach(new VirtualTimeProvider()));
    }

    [Fact]
    public void ClearGivesBackWhatIsUnderWay()
    {
        (SimulatedNetwork network, _, _) = PingAndEcho(
            new FaultPlan { Name = "test", Forward = s_tenMilliseconds }, count: 5, pool: _pool);
        network.Run(TimeSpan.FromMilliseconds(5));
        Assert.Equal(5, _pool.Outstanding);
        network.Clear();
        Assert.Equal(0, network.Pending);
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void RandomPlansAreValidAndDiffer()
    {
        HashSet<string> plans = [];
        for (ulong seed = 0; seed < 200; seed++)
        {
            FaultPlan plan = FaultPlans.Random(seed);
            plan.Forward.Validate();
            plan.Backward.Validate();
            Assert.Equal(plan.ToString(), FaultPlans.Random(seed).ToString());
            plans.Add(plan.ToString());
        }

        Assert.Equal(200, plans.Count);
        Assert.Equal(FaultPlans.All.Count, FaultPlans.All.Select(plan => plan.Name).Distinct().Count());
        Assert.Throws<ArgumentException>(() => FaultPlans.Named("NoSuchPlan"));
    }

    private static (SimulatedNetwork Network, PingEndpoint Pinger, PingEndpoint Echo) PingAndEcho(
        FaultPlan plan, int count, PacketPool? pool = null, int interval = 1)
    {
        SimulatedNetwork network = new(plan.Seed, pool);
        PingEndpoint pinger = new(count, TimeSpan.FromMilliseconds(interval));
        PingEndpoint echo = new() { Echoes = true };
        SimulatedHost first = network.Attach("pinger", pinger);
        SimulatedHost second = network.Attach("echo", echo);
        network.Connect(first, second, plan);
        return (network, pinger, echo);
    }

    private sealed class RestlessEndpoint : ISimulatedEndpoint
    {
        public Timestamp NextDeadline => Timestamp.Zero;

        public void Receive(PacketBuffer datagram, Timestamp now)
        {
        }

        public void Turn(Timestamp now, IDatagramOutput output)
        {
        }
    }
}
