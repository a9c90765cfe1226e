using Causeway.TestKit;
using Xunit.Abstractions;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>What a packet costs, at both ends together.</summary>
public sealed class CostTests(ITestOutputHelper output)
{
    private const int Packet = 1350;

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    public void NothingIsAllocatedForAPacket(int streams)
    {
        using QuicLoop loop = new(1000 * Packet);
        loop.Open(streams);
        loop.Run(50_000, inFlight: 500);
        long least = long.MaxValue;
        for (int pass = 0; pass < 5; pass++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            loop.Run(10_000, inFlight: 500);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }

    /// <summary>Generous, for a machine that does something else: a cost that grew with the window would be a thousandfold.</summary>
    [Fact]
    public void TheCostOfAPacketDoesNotGrowWithTheWindow() =>
        AssertFlat([32, 1024, 32_768], window => Measure(window, streams: 1));

    [Fact]
    public void TheCostOfAPacketDoesNotGrowWithTheStreams() =>
        AssertFlat([1, 100, 1000], streams => Measure(1024, streams));

    private void AssertFlat(int[] sizes, Func<int, double> measure)
    {
        double[] costs = [.. sizes.Select(measure)];
        output.WriteLine(string.Join("; ", sizes.Zip(costs, static (size, cost) => $"{size}: {cost:F0} ns")));
        Assert.True(costs[^1] <= 5 * costs[0], $"{costs[^1]:F0} ns instead of {costs[0]:F0}");
    }

    private static double Measure(int window, int streams)
    {
        using QuicLoop loop = new((long)window * Packet);
        loop.Open(streams);
        int inFlight = Math.Max(0, window - 64);
        loop.Run(window + 20_000, inFlight);
        double least = double.MaxValue;
        for (int pass = 0; pass < 5; pass++)
        {
            long ticks = loop.ClientTicks + loop.ServerTicks;
            long packets = loop.Packets;
            loop.Run(5_000, inFlight);
            double each = (loop.ClientTicks + loop.ServerTicks - ticks) * 1e9 / System.Diagnostics.Stopwatch.Frequency / (loop.Packets - packets);
            least = Math.Min(least, each);
        }

        return least;
    }
}
