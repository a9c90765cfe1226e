namespace Causeway.Quic.Tests.Simulation;

public sealed class RandomPlanTests
{
    private const int Seeds = 200;

    [Fact]
    public void EveryByteArrivesOverRandomNetworksOrTheConnectionSaysWhyNot()
    {
        int unconnected = 0;
        Parallel.For(
            0,
            Seeds,
            seed =>
            {
                try
                {
                    if (RandomRun.Run((ulong)seed) == RandomOutcome.NotConnected)
                    {
                        Interlocked.Increment(ref unconnected);
                    }
                }
                catch (Exception error)
                {
                    throw new InvalidOperationException($"seed {seed}", error);
                }
            });
        Assert.InRange(unconnected, 0, Seeds / 20);
    }
}
