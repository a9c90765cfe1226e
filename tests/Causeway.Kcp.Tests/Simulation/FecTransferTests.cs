using Causeway.Kcp.Arq;
using Causeway.Kcp.Fec;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Two sessions with forward error correction between them and the network.</summary>
public sealed class FecTransferTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);

    public static TheoryData<string> PlanNames => new(FaultPlans.All.Select(plan => plan.Name));

    [Theory]
    [MemberData(nameof(PlanNames))]
    public void EveryByteArrivesOverEveryNamedNetwork(string name)
    {
        using ArqPair pair = new(FaultPlans.Named(name), WithFec(10, 3));
        TransferResult result = pair.Transfer(200_000, 100_000, s_limit);
        Assert.True(result.IsComplete, pair.Network.Failure("A session gave up").Message);
        pair.Close();
    }

    [Fact]
    public void EveryByteArrivesOverRandomNetworksOrTheSessionSaysThatItGaveUp()
    {
        const int Plans = 40;
        int failed = 0;
        for (ulong seed = 1000; seed < 1000 + Plans; seed++)
        {
            SeededRandom random = new(seed);
            using ArqPair pair = new(FaultPlans.Random(seed), WithFec(random.Between(1, 20), random.Between(1, 8)));
            failed += pair.Transfer(random.Between(1, 150_000), random.Between(0, 60_000), s_limit).IsComplete ? 0 : 1;
            pair.Close();
        }

        Assert.InRange(failed, 0, Plans / 10);
    }

    [Fact]
    public void ParityRepairsWhatWouldHaveBeenSentAgain()
    {
        FaultPlan plan = new()
        {
            Name = "Thin loss",
            Seed = 5,
            Forward = new FaultModelOptions { Loss = 0.02, Delay = TimeSpan.FromMilliseconds(40), RateBitsPerSecond = 20_000_000 },
            Backward = new FaultModelOptions { Delay = TimeSpan.FromMilliseconds(40) },
        };

        // A window below the delay-bandwidth product: every loss is the network's, none the queue's.
        ArqEndpointOptions plain = SimulatedModes.Named("fast3", window: 128);
        long without = Retransmissions(plain);
        long with = Retransmissions(plain with { Fec = new FecOptions { DataShards = 10, ParityShards = 3 } });
        Assert.InRange(with, 0, without / 2);

        long Retransmissions(ArqEndpointOptions options)
        {
            using ArqPair pair = new(plan, options);
            Assert.True(pair.Transfer(2_000_000, 0, s_limit).IsComplete);
            ArqStatistics statistics = pair.First.Session.Statistics;
            long again = statistics.FastRetransmits + statistics.EarlyRetransmits + statistics.Timeouts;
            pair.Close();
            return again;
        }
    }

    [Theory]
    [InlineData(10, 3)]
    [InlineData(3, 2)]
    [InlineData(1, 1)]
    public void SequenceIdsComeToTheirEndInTheMiddleOfATransfer(int data, int parity)
    {
        // The ids end at the last multiple of the group's size below 2^32 - 1 (docs/wire/kcptun.md 4.3); twenty groups
        // are left.
        uint size = (uint)(data + parity);
        uint first = ((uint.MaxValue / size) - 20) * size;
        using ArqPair pair = new(FaultPlans.Named("Lossy5"), WithFec(data, parity) with { FirstFecSequence = first });
        Assert.True(pair.Transfer(400_000, 400_000, s_limit).IsComplete);
        Assert.InRange(pair.First.Recovered, 3, long.MaxValue);
        pair.Close();
    }

    [Fact]
    public void SameSeedGivesTheSameRun()
    {
        Assert.Equal(Run(), Run());

        static TransferResult Run()
        {
            using ArqPair pair = new(FaultPlans.Named("Bursts", seed: 9), WithFec(5, 3));
            return pair.Transfer(100_000, 100_000, s_limit);
        }
    }

    private static ArqEndpointOptions WithFec(int data, int parity) =>
        new() { Fec = new FecOptions { DataShards = data, ParityShards = parity } };
}
