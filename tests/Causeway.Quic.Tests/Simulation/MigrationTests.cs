using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>A client that changes its own address on purpose (RFC 9000, 9.2).</summary>
public sealed class MigrationTests
{
    [Theory]
    [InlineData("Clean", false)]
    [InlineData("Clean", true)]
    [InlineData("Lossy5", false)]
    [InlineData("Lossy5", true)]
    [InlineData("Reordering", false)]
    [InlineData("Corrupting", true)]
    public void ATransferGoesOnByAnotherSocket(string plan, bool isAtOnce)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named(plan, seed));
            using SecondSocket second = new(pair, FaultPlans.Named(plan, seed + 100));
            pair.Connect();
            pair.Open(2_000_000, 2_000_000);
            pair.Network.Run(TimeSpan.FromMilliseconds(200));
            Assert.Equal(PathChangeRefusal.None, Move(pair, second, isOtherHost: false, isAtOnce));
            pair.Transfer(TimeSpan.FromSeconds(60));
            Assert.Equal(second.Address, pair.Client.Session!.CurrentPath.Local);
            Assert.Equal(second.Address, pair.Server.Session!.CurrentPath.Remote);
            Assert.Equal(1, pair.Client.Session.Statistics.PathChanges);
            Assert.False(pair.Client.Session.IsProvingPath);
            pair.Close();
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NoConnectionIdIsSeenOnBothWays(bool isAtOnce)
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        pair.Connect();
        Dictionary<SimulatedPath, HashSet<string>> seen = [];
        foreach (SimulatedPath path in (SimulatedPath[])[pair.Forward, pair.Backward, second.Forward, second.Backward])
        {
            seen[path] = [];
            path.OnDatagram = (on, datagram, _) =>
            {
                seen[on].Add(Convert.ToHexString(datagram.Payload.Slice(1, 8)));
                return DatagramVerdict.Pass;
            };
        }

        pair.Open(500_000, 500_000);
        pair.Network.Run(TimeSpan.FromMilliseconds(100));
        Move(pair, second, isOtherHost: false, isAtOnce);
        pair.Transfer(TimeSpan.FromSeconds(30));
        Assert.All(seen.Values, Assert.NotEmpty);
        Assert.Empty(seen[pair.Forward].Intersect(seen[second.Forward]));
        Assert.Empty(seen[pair.Backward].Intersect(seen[second.Backward]));
        pair.Close();
    }

    [Fact]
    public void AWayThatIsDeadIsNotTaken()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        second.Forward.Link.Blackout = true;
        pair.Connect();
        pair.Open(20_000_000, 1000);
        Move(pair, second, isOtherHost: true, isAtOnce: false);
        Assert.True(pair.Client.Session!.IsProvingPath);
        pair.Transfer(TimeSpan.FromSeconds(60));
        Assert.True(pair.Client.Session.CurrentPath.Local.IsNone);
        Assert.False(pair.Client.Session.IsProvingPath);
        Assert.Equal((0, 1), (pair.Client.Session.Statistics.PathChanges, pair.Client.Session.Statistics.PathsRefused));
        pair.Close();
    }

    [Fact]
    public void WhoWentAtOnceToADeadWayComesBack()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        second.Forward.Link.Blackout = true;
        pair.Connect();
        pair.Open(5_000_000, 1000);
        pair.Network.Run(TimeSpan.FromMilliseconds(500));
        Move(pair, second, isOtherHost: false, isAtOnce: true);
        Assert.Equal(second.Address, pair.Client.Session!.CurrentPath.Local);
        pair.Transfer(TimeSpan.FromSeconds(60));
        Assert.True(pair.Client.Session.CurrentPath.Local.IsNone);
        Assert.Equal(1, pair.Client.Session.Statistics.PathsRefused);
        pair.Close();
    }

    [Fact]
    public void TheOldWayMayDieAtThatVeryTime()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        pair.Connect();
        pair.Open(2_000_000, 2_000_000);
        pair.Network.Run(TimeSpan.FromMilliseconds(300));
        pair.Forward.Link.Blackout = pair.Backward.Link.Blackout = true;
        Move(pair, second, isOtherHost: true, isAtOnce: true);
        SessionStream stream = pair.Server.Streams.Values.Single();
        long read = stream.Read;

        // The question and its data take half of a round trip of 30 ms, and what was lost a round trip more.
        pair.RunUntil(() => stream.Read > read, TimeSpan.FromMilliseconds(100));
        Assert.True(stream.Read > read);
        pair.Transfer(TimeSpan.FromSeconds(60));
        pair.Close();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void OnlyAnotherHostBeginsTheCongestionWindowAnew(bool isOtherHost, bool isAtOnce)
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        pair.Connect();
        pair.Open(3_000_000, 0);
        pair.Transfer(TimeSpan.FromSeconds(30));
        Assert.True(pair.Client.Session!.Recovery.CongestionWindow > 30_000);
        Move(pair, second, isOtherHost, isAtOnce);
        pair.RunUntil(() => !pair.Client.Session.IsProvingPath, TimeSpan.FromSeconds(2));
        Assert.Equal(isOtherHost, pair.Client.Session.Recovery.CongestionWindow < 20_000);
        pair.Close();
    }

    [Fact]
    public void ASocketForEveryFiveSecondsCostsHardlyAnything()
    {
        const long Bytes = 140_000_000;
        TimeSpan still = Hopping(0);
        TimeSpan hopping = Hopping(11);
        Assert.InRange(hopping / still, 0.9, 1.05);

        static TimeSpan Hopping(int hops)
        {
            using QuicPair pair = new(FaultPlans.Named("Clean", 1));
            SecondSocket[] sockets = [.. Enumerable.Range(0, hops).Select(i => new SecondSocket(pair, FaultPlans.Named("Clean", (ulong)i + 2), $"socket {i}"))];
            pair.Connect();
            pair.Open(Bytes, 0);
            for (int i = 0; i < hops; i++)
            {
                SecondSocket next = sockets[i];
                pair.Network.Schedule(TimeSpan.FromSeconds(5 * (i + 1)), "hop", () =>
                    Assert.Equal(PathChangeRefusal.None, Move(pair, next, isOtherHost: false, isAtOnce: false)));
            }

            TimeSpan took = pair.Transfer(TimeSpan.FromSeconds(100));
            Assert.Equal(hops, pair.Client.Session!.Statistics.PathChanges);
            foreach (SecondSocket one in sockets)
            {
                one.Dispose();
            }

            pair.Close();
            return took;
        }
    }

    [Fact]
    public void ARefusalSaysWhy()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1), server: new QuicPeerOptions { Configure = settings => settings with { AllowsMigration = false } });
        using SecondSocket second = new(pair, FaultPlans.Named("Clean", 2));
        Assert.Equal(PathChangeRefusal.NotEstablished, Move(pair, second, isOtherHost: false, isAtOnce: true));
        pair.Connect();
        Assert.Equal(PathChangeRefusal.ForbiddenByPeer, Move(pair, second, isOtherHost: false, isAtOnce: true));
        Assert.Equal(
            PathChangeRefusal.Unsupported,
            pair.Server.Session!.TryChangePath(second.Address, isOtherHost: false, isAtOnce: true, pair.ServerHost.Now));
        Assert.True(pair.Client.Session!.CurrentPath.Local.IsNone);
        pair.Close();
    }

    [Fact]
    public void WithoutAFreshConnectionIdItWaits()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        SecondSocket[] sockets = [.. Enumerable.Range(0, 10).Select(i => new SecondSocket(pair, FaultPlans.Named("Clean", (ulong)i + 2), $"socket {i}"))];
        pair.Connect();

        // No datagram passes meanwhile, so that the peer issues none.
        PathChangeRefusal[] answers = [.. sockets.Select(socket => Move(pair, socket, isOtherHost: false, isAtOnce: true))];
        Assert.Equal(PathChangeRefusal.None, answers[0]);
        Assert.Equal(PathChangeRefusal.NoConnectionId, answers[^1]);
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(30));
        Assert.Equal(PathChangeRefusal.None, Move(pair, sockets[^1], isOtherHost: false, isAtOnce: true));
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(30));
        pair.Close();
        foreach (SecondSocket one in sockets)
        {
            one.Dispose();
        }
    }

    private static PathChangeRefusal Move(QuicPair pair, SecondSocket to, bool isOtherHost, bool isAtOnce)
    {
        pair.ClientHost.Wake();
        return pair.Client.Session!.TryChangePath(to.Address, isOtherHost, isAtOnce, pair.ClientHost.Now);
    }
}
