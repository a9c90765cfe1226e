using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

public sealed class RandomPlanTests
{
    private const int Seeds = 200;

    /// <summary>
    /// The server has completed the handshake, sends HANDSHAKE_DONE to where the client was, and cannot read Handshake packets any
    /// more: a 1-RTT packet has to tell it where the client is.
    /// </summary>
    [Fact]
    public void AClientThatMovesBeforeTheHandshakeIsConfirmedIsFollowed()
    {
        FaultModelOptions link = new() { Delay = TimeSpan.FromMilliseconds(105) };
        using QuicPair pair = new(new FaultPlan
        {
            Name = "Rebinding late in the handshake",
            Forward = link,
            Backward = link,
            Changes = [new PlannedChange { At = TimeSpan.FromMilliseconds(265), Rebind = true }],
        });
        pair.Connect(TimeSpan.FromSeconds(10));
        Assert.False(pair.HasFailed);
        pair.Close();
    }

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
        Assert.InRange(unconnected, 0, Seeds / 10);
    }
}
