using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Acknowledgements of a transfer between two ends that know how to ask for fewer, and others.</summary>
public sealed class AckFrequencyTests
{
    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    public void FewerPacketsComeBackIfBothKnowHow(string plan)
    {
        long fewer = PacketsBack(plan, client: true, server: true);
        long usual = PacketsBack(plan, client: true, server: false);
        Assert.InRange(PacketsBack(plan, client: false, server: true), usual * 8 / 10, usual * 12 / 10);
        Assert.True(fewer * 10 < usual * 8, $"{fewer} packets in place of {usual}");
    }

    private static long PacketsBack(string plan, bool client, bool server)
    {
        using QuicPair pair = new(
            FaultPlans.Named(plan, 1),
            new QuicPeerOptions { Configure = s => s with { AckFrequency = client } },
            new QuicPeerOptions { Configure = s => s with { AckFrequency = server } });
        pair.Connect();
        pair.Open(5_000_000, 0);
        pair.Transfer(TimeSpan.FromSeconds(60));
        pair.Close();
        return pair.Server.Session!.Statistics.PacketsSent;
    }
}
