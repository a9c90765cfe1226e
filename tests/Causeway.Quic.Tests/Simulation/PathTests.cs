using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Tests.Simulation.Attacks;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Changes of address: validated and followed, and not by anybody else (RFC 9000, 8.2 and 9).</summary>
public sealed class PathTests
{
    [Theory]
    [InlineData("Clean", true)]
    [InlineData("Clean", false)]
    [InlineData("Lossy5", true)]
    [InlineData("Lossy5", false)]
    [InlineData("Reordering", false)]
    public void ATransferGoesOnWhenANatForgetsTheClient(string plan, bool isOnlyPort)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named(plan, seed));
            pair.Connect();
            pair.Open(2_000_000, 2_000_000);
            for (int i = 1; i <= 3; i++)
            {
                int port = 5000 + i;
                pair.Network.Schedule(
                    TimeSpan.FromMilliseconds(200 * i), "rebind", () => pair.ClientHost.Rebind(isOnlyPort ? WithPort(pair, port) : null));
            }

            pair.Transfer(TimeSpan.FromSeconds(60));
            QuicStatistics server = pair.Server.Session!.Statistics;
            Assert.True(server.PathChanges == 3, $"seed {seed}: {server.PathChanges} changes");
            Assert.True(server.PathsValidated >= 2, $"seed {seed}: {server.PathsValidated} validated");
            Assert.Equal(pair.ClientHost.Address, pair.Server.Session.CurrentPath.Remote);
            pair.Close();
        }
    }

    [Fact]
    public void OnlyAChangeOfTheHostBeginsTheCongestionWindowAnew()
    {
        foreach (bool isOnlyPort in new[] { true, false })
        {
            using QuicPair pair = new(FaultPlans.Named("Clean", 1));
            pair.Connect();
            pair.Open(1000, 3_000_000);
            pair.Transfer(TimeSpan.FromSeconds(30));
            long window = pair.Server.Session!.Recovery.CongestionWindow;
            Assert.True(window > 30_000);
            pair.ClientHost.Rebind(isOnlyPort ? WithPort(pair, 4711) : null);
            pair.Open(10, 10);
            pair.RunUntil(() => pair.Server.Session.Statistics.PathsValidated == 1, TimeSpan.FromSeconds(2));
            Assert.Equal(isOnlyPort, pair.Server.Session.Recovery.CongestionWindow > 20_000);
            Assert.Equal(isOnlyPort, pair.Server.Session.Recovery.Rtt.Smoothed < 100_000);
            pair.Transfer(TimeSpan.FromSeconds(30));
            pair.Close();
        }
    }

    [Fact]
    public void ACopyFromAnotherAddressDoesNotMoveTheSession()
    {
        // Somebody beside the path copies each packet, and his copy arrives first.
        PeerAddress attacker = PeerAddress.FromBytes([203, 0, 113, 5], 666);
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        pair.Open(500_000, 500_000);
        pair.Forward.OnDatagram = (_, datagram, _) =>
        {
            PacketBuffer copy = pair.Pool.Rent();
            datagram.Payload.CopyTo(copy.Append(datagram.Length));
            copy.Peer = attacker;
            pair.Server.Receive(copy, pair.ServerHost.Now);
            copy.Release();
            return DatagramVerdict.Pass;
        };
        pair.Transfer(TimeSpan.FromSeconds(60));
        Assert.True(pair.Server.Session!.Statistics.PathChanges > 0);
        Assert.True(pair.Server.Session.Statistics.PathsRefused > 0);
        pair.Forward.OnDatagram = null;
        pair.Open(1000, 1000);
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Equal(pair.ClientHost.Address, pair.Server.Session.CurrentPath.Remote);
        Assert.True(pair.ServerHost.Unreachable > 0);
        pair.Close();
    }

    [Fact]
    public void AnAddressThatDoesNotAnswerIsGivenUp()
    {
        PeerAddress attacker = PeerAddress.FromBytes([203, 0, 113, 5], 666);
        using Forger forger = Forger.Create().Connect();

        // The honest client is silent, and does not hear the question at its own address either.
        forger.TakeOver();
        long sent = forger.Victim.Statistics.OutBytes;
        forger.Send(EncryptionLevel.Application, [room => FrameWriter.Ping(room)], from: attacker);
        Assert.Equal(attacker, forger.Victim.CurrentPath.Remote);
        forger.Pair.Network.Run(TimeSpan.FromSeconds(5));
        Assert.Equal(forger.Pair.ClientHost.Address, forger.Victim.CurrentPath.Remote);
        Assert.Equal(1, forger.Victim.Statistics.PathsRefused);
        Assert.Null(forger.Victim.Failure);
        forger.Pair.Close();
    }

    [Fact]
    public void AQuestionFromAnotherAddressIsAnsweredThereAndMovesNothing()
    {
        PeerAddress other = PeerAddress.FromBytes([203, 0, 113, 5], 666);
        using Forger forger = Forger.Create().Connect().TakeOver();
        forger.Send(
            EncryptionLevel.Application,
            [room => FrameWriter.PathChallenge(room, 7), room => FrameWriter.Padding(room, 1100)],
            from: other);
        Assert.Equal(forger.Pair.ClientHost.Address, forger.Victim.CurrentPath.Remote);
        forger.Pair.Network.Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(1, forger.Pair.ServerHost.Unreachable);
        Assert.Equal(0, forger.Victim.Statistics.PathChanges);
        forger.Pair.Close();
    }

    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    public void AClientMovesToThePreferredAddress(string plan)
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            PeerAddress preferred = PeerAddress.FromBytes([10, 0, 1, 1], 4000);
            using QuicPair pair = new(
                FaultPlans.Named(plan, seed), server: new QuicPeerOptions { Configure = s => s with { PreferredIPv4 = preferred } });
            SimulatedHost other = pair.Network.Attach("preferred", pair.Server, preferred, TimeSpan.FromSeconds(17));
            pair.Network.Connect(pair.ClientHost, other, FaultPlans.Named(plan, seed + 100));
            pair.Connect();
            pair.Open(10_000, 10_000);
            pair.Transfer(TimeSpan.FromSeconds(30));
            pair.RunUntil(() => pair.Client.Session!.CurrentPath.Remote == preferred, TimeSpan.FromSeconds(5));
            Assert.Equal(1, pair.Client.Session!.Statistics.PathsValidated);
            pair.Open(100_000, 100_000);
            pair.Transfer(TimeSpan.FromSeconds(30));
            Assert.True(pair.Server.Session!.Statistics.ConnectionIdsRetired >= 1);
            pair.Close();
        }
    }

    // RFC 9000, 9.6.2.
    [Fact]
    public void AServerStaysAtItsFirstAddressUntilTheClientHasMovedToTheOther()
    {
        PeerAddress preferred = PeerAddress.FromBytes([10, 0, 1, 1], 4000);
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1), server: new QuicPeerOptions { Configure = s => s with { PreferredIPv4 = preferred } });
        SimulatedHost other = pair.Network.Attach("preferred", pair.Server, preferred, TimeSpan.FromSeconds(17));
        (SimulatedPath toOther, _) = pair.Network.Connect(pair.ClientHost, other, FaultPlans.Named("Clean", 2));

        // What a socket tells that is bound to any address.
        PeerAddress first = pair.ServerHost.Address;
        pair.Forward.OnDatagram = (_, datagram, _) => To(datagram, first);
        toOther.OnDatagram = (_, datagram, _) => To(datagram, preferred);
        pair.Connect();
        Assert.Equal(first, pair.Server.Session!.CurrentPath.Local);
        pair.Open(100_000, 100_000);
        pair.RunUntil(
            () =>
            {
                bool hasMoved = pair.Client.Session!.CurrentPath.Remote == preferred;
                Assert.True(hasMoved || pair.Server.Session.CurrentPath.Local == first);
                return hasMoved && pair.Server.Session.CurrentPath.Local == preferred;
            },
            TimeSpan.FromSeconds(5));
        Assert.Equal(pair.ClientHost.Address, pair.Server.Session.CurrentPath.Remote);
        Assert.Equal((1, 0), (pair.Server.Session.Statistics.PathChanges, pair.Server.Session.Statistics.PathsRefused));
        pair.Transfer(TimeSpan.FromSeconds(30));
        pair.Close();

        static DatagramVerdict To(PacketBuffer datagram, PeerAddress local)
        {
            datagram.Path = new DatagramPath(datagram.Path.Remote, local);
            return DatagramVerdict.Pass;
        }
    }

    [Fact]
    public void APreferredAddressThatDoesNotAnswerIsNotMovedTo()
    {
        PeerAddress preferred = PeerAddress.FromBytes([10, 0, 1, 1], 4000);
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1), server: new QuicPeerOptions { Configure = s => s with { PreferredIPv4 = preferred } });
        pair.Connect();
        pair.Open(10_000, 10_000);
        pair.Transfer(TimeSpan.FromSeconds(30));
        pair.Network.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(1, pair.Client.Session!.Statistics.PathsRefused);
        Assert.Equal(0, pair.Client.Session.Statistics.PathChanges);
        Assert.True(pair.ClientHost.Unreachable >= 2);
        pair.Open(10_000, 10_000);
        pair.Transfer(TimeSpan.FromSeconds(30));
        pair.Close();
    }

    private static PeerAddress WithPort(QuicPair pair, int port)
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = pair.ClientHost.Address.WriteBytes(bytes);
        return PeerAddress.FromBytes(bytes[..length], port);
    }
}
