using Causeway.Protocol;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Simulation;

public sealed class PlanTests(ITestOutputHelper output)
{
    public static TheoryData<string> Plans => new(FaultPlans.All.Select(static plan => plan.Name));

    [Theory]
    [MemberData(nameof(Plans))]
    public void StreamsSurviveEveryPlan(string name)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named(name, seed));
            pair.Connect(TimeSpan.FromSeconds(60));
            Timestamp start = pair.Network.Clock.Now;
            for (int i = 0; i < 5; i++)
            {
                pair.Open(40_000, 200_000);
            }

            TimeSpan taken = pair.Transfer(TimeSpan.FromMinutes(5));
            output.WriteLine($"{name} {seed}: {taken.TotalSeconds:F2} s, lost {pair.Server.Session!.Recovery.PacketsLost}, spurious {pair.Server.Session.Recovery.SpuriousLosses}, PTO {pair.Server.Session.Recovery.ProbeTimeouts}");
            pair.Close();
        }
    }
}
