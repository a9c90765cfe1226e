using Causeway.Kcp.Arq;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Tests.Simulation;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Protocol.Streams;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Windows;

/// <summary>Whole sessions with default settings, on paths that nobody told them of.</summary>
public sealed class AutomaticWindowTests
{
    private const long Endless = 1L << 40;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly PacketPool _pool = new(track: true, stackTraces: false);

    // For what moves hundreds of megabytes.
    private readonly PacketPool _plainPool = new();

    [Theory]
    [InlineData(100, 50, 2, 1)]
    [InlineData(100, 50, 1, 1)]
    [InlineData(100, 200, 2, 6)]
    [InlineData(1000, 200, 2, 5)]
    public void DefaultSettingsFillAPath(double megabits, double roundTrip, int version, int warmUp)
    {
        FaultModelOptions link = SimulatedLinks.Make(megabits, roundTrip, queue: 1);
        using SessionPair pair = NewPair(link, new KcpProfile { Mux = new SmuxOptions { Version = version } }, _plainPool);
        SessionStream stream = pair.Open(pair.Client, bytes: 0, answer: Endless);
        pair.Network.Run(TimeSpan.FromSeconds(warmUp));
        long before = stream.Read;
        pair.Network.Run(TimeSpan.FromSeconds(1));
        double rate = (stream.Read - before) * 8 / 1e6;
        pair.Check();
        pair.Close();
        Assert.True(rate > 0.9 * SimulatedLinks.Possible(link), $"{rate:F0} of {SimulatedLinks.Possible(link):F0} Mbit/s");
    }

    [Theory]
    [InlineData(100, 50, "0")]
    [InlineData(100, 200, "0")]
    [InlineData(1000, 50, "1%")]
    public void FirstSecondsAreNoSlowerThanWithWindowsWithoutEnd(double megabits, double roundTrip, string loss)
    {
        FaultModelOptions link = SimulatedLinks.Make(megabits, roundTrip, queue: 1, SimulatedLinks.Loss(loss));
        long automatic = Run(new KcpProfile());
        long endless = Run(new KcpProfile
        {
            Arq = new ArqOptions { SendWindow = 65535, ReceiveWindow = 65535 },
            Mux = new SmuxOptions { ReceiveBuffer = 256 << 20, StreamBuffer = 256 << 20 },
        });
        Assert.True(automatic > 0.9 * endless, $"{automatic} bytes in the time of {endless}");

        long Run(KcpProfile profile)
        {
            using SessionPair pair = NewPair(link, profile, _plainPool);
            SessionStream stream = pair.Open(pair.Client, bytes: 0, answer: Endless);
            pair.Network.Run(TimeSpan.FromMilliseconds(10 * roundTrip));
            return stream.Read;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ReaderThatStopsHoldsNoMoreThanTheBudget(int version)
    {
        const int Budget = 8 << 20;
        FaultModelOptions link = SimulatedLinks.Make(1000, 50, queue: 1, SimulatedLinks.Loss("1%"));
        KcpProfile profile = new() { MemoryBudget = Budget, Mux = new SmuxOptions { Version = version } };
        using SessionPair pair = NewPair(link, profile);
        SessionStream[] streams = [.. Enumerable.Range(0, 4).Select(_ => pair.Open(pair.Client, bytes: 0, answer: 40_000_000))];
        pair.RunUntil(() => streams.Sum(static stream => stream.Read) > 40_000_000, s_limit);
        foreach (SessionStream stream in streams)
        {
            stream.IsReading = false;
        }

        long most = 0;
        for (int i = 0; i < 100; i++)
        {
            pair.Network.Run(TimeSpan.FromMilliseconds(100));
            most = Math.Max(most, Held(pair.Client));
        }

        // A frame's header, which the streams do not hold, is part of what its segments hold.
        Assert.InRange(most, Budget / 8, Budget + profile.Mtu);
        foreach (SessionStream stream in streams)
        {
            stream.IsReading = true;
        }

        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    [Fact]
    public void ReaderThatBecomesSlowHoldsFarLessAfterAWhile()
    {
        FaultModelOptions link = SimulatedLinks.Make(100, 50, queue: 1);
        using SessionPair pair = NewPair(link, new KcpProfile());
        SessionStream stream = pair.Open(pair.Client, bytes: 0, answer: Endless);
        pair.Network.Run(TimeSpan.FromSeconds(3));
        stream.IsReading = false;
        pair.Network.Run(TimeSpan.FromSeconds(2));
        long stopped = Held(pair.Client);

        // A tenth of what the path brings.
        for (int i = 0; i < 600; i++)
        {
            ReadSome(pair, stream, 62_500);
            pair.Network.Run(TimeSpan.FromMilliseconds(50));
        }

        long slow = Held(pair.Client);
        Assert.True(stopped > 2_000_000, $"{stopped} bytes were held by a reader that stopped");
        Assert.True(slow < 1 << 20, $"{slow} bytes are held by a slow reader, {stopped} before");
        pair.Dispose();
        _pool.ThrowIfOutstanding();
    }

    [Fact]
    public void ReaderThatStopsHoldsNobodyElse()
    {
        FaultModelOptions link = SimulatedLinks.Make(100, 50, queue: 1);
        using SessionPair pair = NewPair(link, new KcpProfile());
        SessionStream stopped = pair.Open(pair.Client, bytes: 0, answer: 500_000_000);
        pair.Network.Run(TimeSpan.FromSeconds(2));
        stopped.IsReading = false;
        SessionStream other = pair.Open(pair.Client, bytes: 0, answer: 50_000_000);
        pair.RunUntil(() => other.Read == 50_000_000, TimeSpan.FromSeconds(8));
    }

    [Fact]
    public void ArqGrowsForItsReaderAndHoldsNoMoreThanItsBudget()
    {
        const int Budget = 4 << 20;
        FaultModelOptions link = SimulatedLinks.Make(1000, 50, queue: 1);
        FaultPlan plan = new() { Name = "Windows", Seed = 1, Forward = link, Backward = link };
        ArqEndpointOptions options = new()
        {
            Arq = new ArqOptions { MemoryBudget = Budget },
            Congestion = static arq => new BbrController(arq.SegmentSize),
        };
        using ArqPair pair = new(plan, options, pool: _pool);
        Assert.Equal(512, pair.Second.Session.ReceiveCapacity);
        pair.First.ToWrite = 1_000_000_000;
        pair.FirstHost.Wake();
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(Budget / options.Arq.MaxDatagramSize, pair.Second.Session.ReceiveCapacity);

        pair.Second.IsReading = false;
        pair.Network.Run(TimeSpan.FromSeconds(5));
        int held = pair.Second.Session.ReceiveQueueLength + pair.Second.Session.ReceiveBufferLength;
        Assert.Equal(Budget / options.Arq.MaxDatagramSize, held);
        Assert.Equal(0, pair.Second.Session.ReceiveCapacity);
    }

    [Fact]
    public void WindowsThatAreSetStayAsTheyAreSet()
    {
        FaultModelOptions link = SimulatedLinks.Make(100, 50, queue: 1);
        KcpProfile profile = new()
        {
            Arq = new ArqOptions { SendWindow = 128, ReceiveWindow = 512 },
            Mux = new SmuxOptions { ReceiveBuffer = 4 << 20, StreamBuffer = 2 << 20 },
            CongestionControl = static _ => new FixedController(),
        };
        using SessionPair pair = NewPair(link, profile);
        SessionStream stream = pair.Open(pair.Client, bytes: 0, answer: Endless);
        int most = 0;
        pair.RunUntil(
            () =>
            {
                most = Math.Max(most, pair.Server.Session.Arq.SendBufferLength);
                return stream.Read > 20_000_000;
            },
            s_limit);
        Assert.Equal(128, most);
        Assert.Equal(512, pair.Client.Session.Arq.ReceiveCapacity);
        stream.IsReading = false;
        pair.Network.Run(TimeSpan.FromSeconds(5));
        Assert.InRange(stream.Mux.BufferedBytes, 1 << 20, 2 << 20);
    }

    private static long Held(SessionEndpoint endpoint) => endpoint.Session.Streams.BufferedBytes
        + ((long)(endpoint.Session.Arq.ReceiveQueueLength + endpoint.Session.Arq.ReceiveBufferLength) * 1326);

    /// <summary>Lets the application have one piece after another until it has so many bytes.</summary>
    private static void ReadSome(SessionPair pair, SessionStream stream, int bytes)
    {
        long until = stream.Read + bytes;
        while (stream.Read < until && stream.ReadOne())
        {
        }

        pair.ClientHost.Wake();
    }

    private SessionPair NewPair(FaultModelOptions link, KcpProfile profile, PacketPool? pool = null)
    {
        FaultPlan plan = new() { Name = "Windows", Seed = 1, Forward = link, Backward = link };
        return new SessionPair(plan, new SessionEndpointOptions { Profile = profile }, pool: pool ?? _pool);
    }
}
