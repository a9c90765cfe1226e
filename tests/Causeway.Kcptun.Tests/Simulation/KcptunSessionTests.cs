using Causeway.Kcp.Arq;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Simulation;

/// <summary>Two sessions made from kcptun configurations, compression and QPP included, over a simulated network.</summary>
public sealed class KcptunSessionTests
{
    private const int RandomPlans = 60;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(30);
    private static readonly string[] s_modes = ["normal", "fast", "fast2", "fast3"];

    public static TheoryData<string, int, bool, bool> Settings
    {
        get
        {
            TheoryData<string, int, bool, bool> settings = [];
            foreach (string mode in s_modes)
            {
                settings.Add(mode, 1, true, false);
                settings.Add(mode, 2, false, true);
                settings.Add(mode, 2, true, true);
            }

            return settings;
        }
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void EveryStreamArrivesCompressedAndPermuted(string mode, int smux, bool usesFec, bool qpp)
    {
        KcptunClientConfig config = new()
        {
            RemoteAddress = "127.0.0.1:29900",
            Mode = mode,
            SmuxVersion = smux,
            DataShards = usesFec ? 10 : 0,
            ParityShards = usesFec ? 3 : 0,
            Qpp = qpp,
        };
        using KcptunProfile profile = new(config);
        FaultPlan plan = FaultPlans.Named("Lossy5");
        plan = plan with { Forward = plan.Forward with { Reorder = 0.05, Duplicate = 0.02 } };
        AssertTransfers(plan, profile, new SeededRandom(3), streams: 10, most: 20_000);
    }

    [Fact]
    public void EveryStreamArrivesOverRandomNetworksOrTheSessionSaysWhyNot()
    {
        int failed = 0;
        for (ulong seed = 100; seed < 100 + RandomPlans; seed++)
        {
            SeededRandom random = new(SeededRandom.Derive(seed, 0x5F));
            KcptunClientConfig config = new()
            {
                RemoteAddress = "127.0.0.1:29900",
                Mode = s_modes[random.Next(s_modes.Length)],
                SmuxVersion = random.Between(1, 2),
                DataShards = random.Chance(0.5) ? random.Between(1, 12) : 0,
                ParityShards = random.Between(1, 4),
                NoCompression = random.Chance(0.2),
                Qpp = random.Chance(0.5),
                NoCongestion = random.Next(2),
            };
            using KcptunProfile profile = new(config);
            using SessionPair pair = NewPair(FaultPlans.Random(seed), profile);
            OpenMany(pair, random, random.Between(1, 20), random.Between(1, 12_000));
            failed += pair.Transfer(s_limit).IsComplete ? 0 : 1;
            Assert.NotEqual(TransportFailureKind.Protocol, pair.Client.Session.Failure?.Kind);
            Assert.NotEqual(TransportFailureKind.Protocol, pair.Server.Session.Failure?.Kind);
            pair.Close();
        }

        Assert.InRange(failed, 0, RandomPlans / 10);
    }

    [Fact]
    public void SameSeedGivesTheSameRun()
    {
        using KcptunProfile profile = new(new KcptunClientConfig { RemoteAddress = "127.0.0.1:29900", Qpp = true });
        Assert.Equal(Run(profile), Run(profile));

        static TransferResult Run(KcptunProfile profile)
        {
            using SessionPair pair = NewPair(FaultPlans.Named("Bursts", seed: 9), profile);
            OpenMany(pair, new SeededRandom(9), streams: 8, most: 20_000);
            return pair.Transfer(s_limit);
        }
    }

    [Fact]
    public void ReadersThatStopBoundWhatCompressedBytesCanCause()
    {
        KcptunClientConfig config = new()
        {
            RemoteAddress = "127.0.0.1:29900",
            SendWindow = 128,
            ReceiveWindow = 128,
            SmuxBuffer = 128 << 10,
            StreamBuffer = 128 << 10,
        };
        using KcptunProfile profile = new(config);
        using SessionPair pair = NewPair(FaultPlans.Named("Lossy1"), profile);
        pair.Server.OnAccepted = static stream => stream.IsReading = false;
        for (int i = 0; i < 20; i++)
        {
            pair.Open(pair.Client, 300_000, 0);
        }

        int most = 0;
        for (int second = 0; second < 60; second++)
        {
            pair.Network.Run(TimeSpan.FromSeconds(1));
            most = Math.Max(most, pair.Pool.Outstanding);
        }

        Assert.False(pair.HasFailed);

        // Receive buffer in half-used buffers, two windows each way and a decoded block, groups of FEC, a link's queue.
        Assert.InRange(most, 1, (2 * (128 << 10) / 2048) + (4 * 128) + 512);
        foreach (SessionStream stream in pair.Server.Streams.Values)
        {
            stream.IsReading = true;
        }

        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    [Fact]
    public void OneEndWithoutCompressionIsAFailureAndNotAHang()
    {
        using KcptunProfile with = new(new KcptunClientConfig { RemoteAddress = "127.0.0.1:29900" });
        using KcptunProfile without = new(new KcptunClientConfig { RemoteAddress = "127.0.0.1:29900", NoCompression = true });
        using SessionPair pair = new(FaultPlans.Named("Clean"), Options(with), Options(without));
        pair.Open(pair.Client, 10_000, 0);
        pair.RunUntil(() => pair.HasFailed, TimeSpan.FromSeconds(10));
        Assert.Equal(TransportFailureKind.Protocol, pair.Server.Session.Failure?.Kind);
        pair.Close();
    }

    private static SessionEndpointOptions Options(KcptunProfile profile) => new() { Profile = profile.Transport };

    private static SessionPair NewPair(FaultPlan plan, KcptunProfile profile) => new(plan, Options(profile));

    private static void OpenMany(SessionPair pair, SeededRandom random, int streams, int most)
    {
        for (int i = 0; i < streams; i++)
        {
            pair.Open(random.Chance(0.7) ? pair.Client : pair.Server, random.Next(most), random.Next(most));
        }
    }

    private static void AssertTransfers(FaultPlan plan, KcptunProfile profile, SeededRandom random, int streams, int most)
    {
        using SessionPair pair = NewPair(plan, profile);
        OpenMany(pair, random, streams, most);
        TransferResult result = pair.Transfer(s_limit);
        Assert.True(result.IsComplete, pair.Network.Failure("A session failed").Message);
        pair.CloseStreams(s_limit);
        pair.Close();
    }
}
