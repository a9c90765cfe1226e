using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Acknowledgements of a transfer between two ends that know how to ask for fewer, and others.</summary>
public sealed class AckFrequencyTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.05)]
    public void FewerPacketsComeBackIfBothKnowHow(double loss)
    {
        long fewer = PacketsBack(loss, client: true, server: true);
        long usual = PacketsBack(loss, client: true, server: false);
        Assert.InRange(PacketsBack(loss, client: false, server: true), usual * 8 / 10, usual * 12 / 10);
        Assert.True(fewer * 10 < usual * 6, $"{fewer} packets in place of {usual}");
    }

    // 100 Mbit/s and 50 ms: some 400 packets are on their way, enough for longer intervals.
    private static long PacketsBack(double loss, bool client, bool server)
    {
        FaultModelOptions link = new()
        {
            Delay = TimeSpan.FromMilliseconds(25),
            RateBitsPerSecond = 100_000_000,
            QueueBytes = 625_000,
            Loss = loss,
        };
        using QuicPair pair = new(
            new FaultPlan { Name = "ack frequency", Seed = 1, Forward = link, Backward = link },
            new QuicPeerOptions { Configure = s => s with { AckFrequency = client } },
            new QuicPeerOptions { Configure = s => s with { AckFrequency = server } });
        pair.Connect();
        pair.Open(20_000_000, 0);
        pair.Transfer(TimeSpan.FromSeconds(60));
        pair.Close();
        return pair.Server.Session!.Statistics.PacketsSent;
    }
}
