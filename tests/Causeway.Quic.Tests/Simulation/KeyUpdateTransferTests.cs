using Causeway.Protocol;
using Causeway.Quic.Protection;
using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Key updates in the middle of transfers (RFC 9001, 6).</summary>
public sealed class KeyUpdateTransferTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    public void BothEndsUpdateWheneverTheyLike(string plan)
    {
        for (ulong seed = 1; seed <= 8; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named(plan, seed));
            pair.Connect();
            pair.Open(3_000_000, 3_000_000);
            SeededRandom random = new(seed);
            int updates = 0;
            void Plan()
            {
                pair.Network.Schedule(TimeSpan.FromMilliseconds(1 + random.Next(200)), "update", () =>
                {
                    QuicPeer peer = random.Next(2) == 0 ? pair.Client : pair.Server;
                    updates += peer.Session!.UpdateKeys() ? 1 : 0;
                    Plan();
                });
            }

            Plan();
            pair.Transfer(TimeSpan.FromSeconds(120));
            output.WriteLine($"{plan} {seed}: {updates} updates");
            Assert.True(updates >= 2, $"seed {seed}: {updates} updates");
            Assert.True(pair.Client.Session!.Statistics.KeyUpdates + pair.Server.Session!.Statistics.KeyUpdates >= updates);
            pair.Close();
        }
    }

    [Fact]
    public void BothEndsMayUpdateAtOnce()
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            using QuicPair pair = new(FaultPlans.Named("Clean", seed));
            pair.Connect();
            pair.Open(2_000_000, 2_000_000);
            int updates = 0;
            for (int i = 1; i < 10; i++)
            {
                pair.Network.Schedule(TimeSpan.FromMilliseconds(i * 150), "update", () =>
                {
                    bool client = pair.Client.Session!.UpdateKeys();
                    bool server = pair.Server.Session!.UpdateKeys();
                    updates += client && server ? 1 : 0;
                });
            }

            pair.Transfer(TimeSpan.FromSeconds(60));
            Assert.True(updates > 0);
            pair.Close();
        }
    }

    [Fact]
    public void KeysThatAreUsedOftenAreUpdated()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            new QuicPeerOptions { Configure = s => s with { KeyLimits = new AeadLimits(2000, 1000) } });
        pair.Connect();
        pair.Open(10_000_000, 10_000_000);
        pair.Transfer(TimeSpan.FromSeconds(120));
        Assert.True(pair.Client.Session!.Statistics.KeyUpdates >= 5);
        pair.Close();
    }

    [Fact]
    public void KeysThatAreUsedUpEndTheConnectionAndThePeerIsTold()
    {
        // The client acknowledges nothing, so that the server must not update.
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            server: new QuicPeerOptions { Configure = s => s with { KeyLimits = new AeadLimits(40, 1000) } });
        pair.Connect();
        pair.Open(10, 3_000_000);
        pair.Forward.OnDatagram = static (_, datagram, _) => DatagramVerdict.Drop;
        pair.Network.Run(TimeSpan.FromMilliseconds(20));
        for (int i = 0; i < 1000 && pair.Server.Failure is null; i++)
        {
            pair.Server.Session!.Probe();
            pair.Network.Run(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal((long)TransportErrorCode.AeadLimitReached, pair.Server.Failure!.ErrorCode);
        pair.RunUntil(() => pair.Client.Failure is not null, TimeSpan.FromSeconds(1));
        Assert.Equal((long)TransportErrorCode.AeadLimitReached, pair.Client.Failure!.ErrorCode);
        Assert.True(pair.Client.Failure.IsByPeer);
        pair.Close();
    }

    [Fact]
    public void TooManyForgeriesEndTheConnection()
    {
        using QuicPair pair = new(
            FaultPlans.Named("Clean", 1),
            new QuicPeerOptions { Configure = s => s with { KeyLimits = new AeadLimits(1 << 20, 20) } });
        pair.Connect();
        pair.Open(3_000_000, 10);
        pair.Forward.OnDatagram = static (_, datagram, _) =>
        {
            datagram.Payload[^1] ^= 1;
            return DatagramVerdict.Pass;
        };
        pair.RunUntil(() => pair.Server.Failure is not null, TimeSpan.FromSeconds(20));
        Assert.Equal((long)TransportErrorCode.AeadLimitReached, pair.Server.Failure!.ErrorCode);
        pair.Close();
    }
}
