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
