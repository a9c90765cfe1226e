using Causeway.Kcp.Fec;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>Paths that swallow long datagrams without a word.</summary>
public sealed class NarrowPathTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData("fast", false)]
    [InlineData("normal", false)]
    [InlineData("fast", true)]
    public void ASessionWhoseLongDatagramsVanishSaysSo(string mode, bool fec)
    {
        KcpProfile profile = SimulatedProfiles.Named(mode) with
        {
            Fec = fec ? new FecOptions { DataShards = 10, ParityShards = 3 } : FecOptions.Off,
        };
        using SessionPair pair = Narrow("Clean", profile, 1000);
        pair.Open(pair.Client, 200_000, 1_000);
        Timestamp start = pair.Network.Clock.Now;
        pair.RunUntil(() => pair.Client.Session.Failure is not null, s_limit);
        Assert.Equal(TransportFailureKind.PathTooNarrow, pair.Client.Session.Failure!.Kind);
        Assert.InRange(pair.Network.Clock.Now - start, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(20));
        Assert.Contains("none of 1350 bytes was acknowledged", pair.Client.Session.Failure.Reason, StringComparison.Ordinal);
        Assert.True(pair.Forward.Link.Statistics.LostToSize > 0);
        pair.Close();
    }

    [Fact]
    public void ShorterDatagramsPass()
    {
        KcpProfile profile = SimulatedProfiles.Named("fast");
        List<int> mtus = [profile.Mtu];
        for (TransportProfile? next = profile.WithShorterDatagrams(); next is not null; next = next.WithShorterDatagrams())
        {
            mtus.Add(next.Mtu);
        }

        Assert.Equal([1350, 1200, 1000, 800, 548], mtus);
        using SessionPair pair = Narrow("Clean", profile with { Mtu = 1000 }, 1000);
        pair.Open(pair.Client, 200_000, 1_000);
        Assert.True(pair.Transfer(s_limit).IsComplete);
        pair.Close();
    }

    [Fact]
    public void LossAndOutagesAreNotTakenForIt()
    {
        foreach (ulong seed in (ulong[])[1, 2, 3, 4, 5])
        {
            using SessionPair pair = new(FaultPlans.Named("Lossy20", seed), Options(SimulatedProfiles.Named("fast")));
            pair.Open(pair.Client, 300_000, 300_000);
            pair.Network.Run(TimeSpan.FromSeconds(1));
            pair.Forward.Link.Blackout = true;
            pair.Network.Run(TimeSpan.FromSeconds(15));
            Assert.False(pair.HasFailed, $"seed {seed}: {pair.Client.Session.Failure?.Reason}");
            pair.Forward.Link.Blackout = false;
            Assert.True(pair.Transfer(s_limit).IsComplete, $"seed {seed}");
            pair.Close();
        }
    }

    private static SessionPair Narrow(string plan, KcpProfile profile, int longest)
    {
        SessionPair pair = new(FaultPlans.Named(plan), Options(profile));
        pair.Forward.Link.Options = pair.Forward.Link.Options with { MaxPayloadBytes = longest };
        return pair;
    }

    private static SessionEndpointOptions Options(KcpProfile profile) => new() { Profile = profile };
}
