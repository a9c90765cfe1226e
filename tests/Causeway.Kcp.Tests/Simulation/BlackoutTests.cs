using Causeway.Kcp.Arq;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Kcp.Tests.Simulation;

/// <summary>How soon a stream goes on after the path was dead for a while, and what is sent meanwhile.</summary>
public sealed class BlackoutTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(300);

    public static TheoryData<double, int> Outages
    {
        get
        {
            TheoryData<double, int> outages = [];
            foreach (double seconds in (double[])[1.3, 5, 5.7, 10, 14.9, 20])
            {
                foreach (int roundTrip in (int[])[2, 50, 200, 300])
                {
                    outages.Add(seconds, roundTrip);
                }
            }

            return outages;
        }
    }

    [Theory]
    [MemberData(nameof(Outages))]
    public void BulkTransferGoesOnARoundTripAnd300MillisecondsAfterAnOutage(double seconds, int roundTrip)
    {
        for (ulong seed = 0; seed < 4; seed++)
        {
            using ArqPair pair = Make(roundTrip, seed, "bbr");
            pair.First.ToWrite = long.MaxValue;
            pair.Network.Run(TimeSpan.FromSeconds(3));
            Outage(pair, seconds, roundTrip);
        }
    }

    [Theory]
    [MemberData(nameof(Outages))]
    public void ThinStreamGoesOnARoundTripAnd300MillisecondsAfterAnOutage(double seconds, int roundTrip)
    {
        for (ulong seed = 0; seed < 4; seed++)
        {
            using ArqPair pair = Make(roundTrip, seed, "bbr");
            Assert.True(pair.Transfer(20_000, 1_000, TimeSpan.FromSeconds(20)).IsComplete);
            pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;
            pair.First.ToWrite += 300;
            Outage(pair, seconds, roundTrip);
        }
    }

    [Fact]
    public void SilenceIsProbedWithSmallDatagramsSeldomAndTheVerdictComesAtItsTime()
    {
        using ArqPair pair = Make(50, 1, "bbr");
        pair.First.ToWrite = long.MaxValue;
        pair.Network.Run(TimeSpan.FromSeconds(3));
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;
        pair.Network.Run(TimeSpan.FromSeconds(2));
        long datagrams = pair.Forward.Sent;
        long bytes = pair.Forward.SentBytes;
        pair.Network.Run(TimeSpan.FromSeconds(20));
        Assert.InRange(pair.Forward.Sent - datagrams, 60, 120);
        Assert.InRange(pair.Forward.SentBytes - bytes, 60 * 24, 60_000);
        Assert.Null(pair.First.Session.Failure);
        pair.Network.Run(TimeSpan.FromSeconds(7.5));
        Assert.Null(pair.First.Session.Failure);
        pair.Network.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(ArqFailure.PeerSilent, pair.First.Session.Failure);
    }

    private static ArqPair Make(int roundTrip, ulong seed, string controller)
    {
        FaultModelOptions link = SimulatedLinks.Make(20, roundTrip, 1);
        FaultPlan plan = new() { Name = "Outage", Seed = seed, Forward = link, Backward = link };
        return new ArqPair(plan, SimulatedControllers.Named(controller), pool: new PacketPool());
    }

    private static void Outage(ArqPair pair, double seconds, int roundTrip)
    {
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;

        // What is under way still arrives.
        pair.Network.Run(TimeSpan.FromSeconds(seconds));
        long read = pair.Second.Read;
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = false;
        Timestamp back = pair.Network.Clock.Now;
        pair.Network.RunUntil(() => pair.Second.Read > read, TimeSpan.FromSeconds(10));
        TimeSpan waited = pair.Network.Clock.Now - back;
        Assert.True(
            waited <= TimeSpan.FromMilliseconds(roundTrip + 10) + s_patience,
            pair.Network.Failure($"{waited.TotalMilliseconds} ms after {seconds} s with a round trip of {roundTrip} ms").Message);
    }
}
