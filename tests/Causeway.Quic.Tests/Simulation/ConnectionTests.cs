using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

public sealed class ConnectionTests
{
    [Fact]
    public void AHandshakeCompletesAtBothEnds()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Connect();
        Assert.Null(pair.Client.Failure);
        Assert.True(pair.Client.Session!.IsEstablished);
        Assert.Equal("causeway/1"u8.ToArray(), pair.Server.Session!.ApplicationProtocol.ToArray());
        pair.Close();
    }

    /// <summary>Its flight has arrived, so that nothing of its own would make it speak again.</summary>
    [Fact]
    public void AServerAsksAClientThatIsSilentForTheEndOfTheHandshake()
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", 1));
        pair.Client.HoldsCertificateCheck = true;
        pair.RunUntil(() => pair.Server.Session is not null, TimeSpan.FromSeconds(1));
        pair.Network.Run(TimeSpan.FromMilliseconds(500));
        pair.Forward.OnDatagram = static (_, _, _) => DatagramVerdict.Drop;
        pair.Network.Run(TimeSpan.FromMilliseconds(100));
        long before = pair.Server.Session!.Statistics.PacketsSent;
        pair.Network.Run(TimeSpan.FromSeconds(4));
        Assert.InRange(pair.Server.Session.Statistics.PacketsSent - before, 2, 20);
        Assert.False(pair.Server.Session.IsEstablished);
        pair.Client.HoldsCertificateCheck = false;
        pair.Forward.OnDatagram = static (_, _, _) => DatagramVerdict.Pass;
        pair.Connect();
        Assert.Null(pair.Client.Failure);
        pair.Close();
    }

    [Theory]
    [InlineData("Instant")]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    public void EveryByteArrivesOnceAndInOrder(string plan)
    {
        using QuicPair pair = new(FaultPlans.Named(plan, 7));
        pair.Connect();
        pair.Open(300_000, 1_000_000);
        pair.Transfer(TimeSpan.FromSeconds(60));
        pair.Close();
    }
}
