using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Quic.Tests.Simulation;
using Causeway.TestKit;

namespace Causeway.Benchmarks.Simulate;

/// <summary>The same for a kcptun session: see <see cref="RandomRun"/>.</summary>
internal static class KcpRandomRun
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    public static RandomOutcome Run(ulong seed)
    {
        SeededRandom random = new(SeededRandom.Derive(seed, 0x5E));
        SessionEndpointOptions options = new() { Profile = new KcpProfile { Mux = new SmuxOptions { Version = random.Between(1, 2) } } };
        using SessionPair pair = new(FaultPlans.Random(seed), options);
        int streams = random.Between(1, 30);
        int most = random.Chance(0.2) ? 400_000 : random.Between(1, 20_000);
        for (int i = 0; i < streams; i++)
        {
            pair.Open(pair.Client, random.Between(0, most), random.Between(0, most));
        }

        if (!pair.Transfer(s_limit).IsComplete)
        {
            // Some networks are hopeless for longer than a dead link is waited for; a session that only hangs is wrong.
            return pair.HasFailed ? RandomOutcome.NotConnected : throw pair.Network.Failure("Not everything arrived");
        }

        pair.Close();
        return RandomOutcome.Complete;
    }
}
