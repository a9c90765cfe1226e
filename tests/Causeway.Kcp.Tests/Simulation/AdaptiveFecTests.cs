using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Two sessions whose error correction follows what the path loses.</summary>
public sealed class AdaptiveFecTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ParityFollowsTheLossThereAndBack(ulong seed)
    {
        FaultModelOptions clean = Link(megabits: 20);
        using SessionPair pair = new(Plan(clean, seed), Adaptive());
        FecCodec fec = pair.Client.Session.Fec;
        pair.Open(pair.Client, long.MaxValue / 2, 0);

        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.True(fec.Rate!.HasReports);
        Assert.Equal(0, fec.Encoder!.ParitySent);

        pair.Forward.Link.Options = clean with { Loss = 0.05 };
        pair.Network.Run(TimeSpan.FromSeconds(1));
        FecCounters before = new(fec);
        pair.Network.Run(TimeSpan.FromSeconds(3));
        FecCounters lossy = new FecCounters(fec) - before;
        Assert.InRange(fec.Rate.LossRate, 0.03, 0.08);
        Assert.InRange(lossy.Parity, lossy.Data * 0.15, lossy.Data * 0.3);
        Assert.InRange(lossy.Repaired, lossy.Missing * 0.95, lossy.Missing * 1.05);

        pair.Forward.Link.Options = clean;
        pair.Network.Run(TimeSpan.FromSeconds(7));
        before = new(fec);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal((0, 0), (fec.Rate.ParityShards, (new FecCounters(fec) - before).Parity));
        pair.Check();
        pair.Close();
    }

    [Theory]
    [InlineData(0.3, 6)]
    [InlineData(0.5, 10)]
    public void BurstsGetMoreThanIndependentLossesAndNeverMoreThanTheCap(double cap, int most)
    {
        FaultModelOptions bursts = Link(megabits: 20) with { BurstEnter = 0.01, BurstLeave = 0.25 };
        using SessionPair pair = new(Plan(bursts, seed: 4), Adaptive(FecOptions.Auto with { MaxOverhead = cap }));
        FecCodec fec = pair.Client.Session.Fec;
        pair.Open(pair.Client, long.MaxValue / 2, 0);
        pair.Network.Run(TimeSpan.FromSeconds(4));
        Assert.InRange(fec.Rate!.RunLength, 2, 5.5);
        Assert.Equal(most, fec.Rate.ParityShards);
        Assert.InRange(fec.Encoder!.ParitySent, 1, fec.Encoder.DataSent * cap);
        pair.Check();
        pair.Close();
    }

    [Theory]
    [InlineData(20, 10, true)]
    [InlineData(10, 3, false)]
    [InlineData(0, 0, false)]
    public void PeerWithoutReportsGetsAtMostHalfOfTheCapAndOnlyIfItHasTheSameCounts(int data, int parity, bool isSame)
    {
        FaultModelOptions lossy = Link(megabits: 20) with { Loss = 0.05 };
        SessionEndpointOptions client = Adaptive();
        FecOptions counts = new() { DataShards = data, ParityShards = parity };
        SessionEndpointOptions server = client with { Profile = client.Profile with { Fec = counts } };
        using SessionPair pair = new(Plan(lossy, seed: 5), client, server);
        FecCodec fec = pair.Client.Session.Fec;

        // A peer that is not told says nothing, as one that does not understand.
        pair.Client.Session.Arq.Path.Announcement = null;
        pair.Open(pair.Client, long.MaxValue / 2, 0);
        pair.Network.Run(TimeSpan.FromSeconds(4));
        Assert.False(fec.Rate!.HasReports);
        Assert.Equal(isSame, fec.Encoder!.DataSent > 0);
        Assert.Equal(isSame, fec.Encoder.ParitySent > 0);
        Assert.InRange(fec.Encoder.ParitySent, 0, fec.Encoder.DataSent * 0.15);
        pair.Check();
        pair.Close();
    }

    [Theory]
    [InlineData("Lossy5")]
    [InlineData("Bursts")]
    [InlineData("Corrupting")]
    [InlineData("Rebinding")]
    public void EveryByteArrivesBothWays(string plan)
    {
        using SessionPair pair = new(FaultPlans.Named(plan), Adaptive());
        pair.Open(pair.Client, 1_000_000, 1_000_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    private static SessionEndpointOptions Adaptive(FecOptions? fec = null) => new()
    {
        Profile = new KcpProfile
        {
            Fec = fec ?? FecOptions.Auto,
            Arq = new ArqOptions { SendWindow = 4096, ReceiveWindow = 4096 },
            CongestionControl = static segmentSize => new BbrController(segmentSize),
        },
    };

    private static FaultModelOptions Link(int megabits) => new()
    {
        Delay = TimeSpan.FromMilliseconds(20),
        RateBitsPerSecond = megabits * 1_000_000L,
        QueueBytes = 1 << 20,
    };

    private static FaultPlan Plan(FaultModelOptions forward, ulong seed) => new()
    {
        Name = "Adaptive",
        Seed = seed,
        Forward = forward,
        Backward = Link(megabits: 20),
    };

    private readonly record struct FecCounters(long Data, long Parity, long Missing, long Repaired)
    {
        public FecCounters(FecCodec fec)
            : this(fec.Encoder!.DataSent, fec.Encoder.ParitySent, fec.Rate!.Missing, fec.Rate.Repaired)
        {
        }

        public static FecCounters operator -(FecCounters later, FecCounters earlier) => new(
            later.Data - earlier.Data,
            later.Parity - earlier.Parity,
            later.Missing - earlier.Missing,
            later.Repaired - earlier.Repaired);
    }
}
