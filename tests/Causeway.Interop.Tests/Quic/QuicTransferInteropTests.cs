using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Testing;

namespace Causeway.Interop.Tests.Quic;

/// <summary>How data moves once the handshake is over: with each peer, in each role.</summary>
public sealed class QuicTransferInteropTests
{
    // A transfer at this rate lasts long enough for something to happen in the middle of it.
    private static readonly FaultModelOptions s_slowLink = new() { RateBitsPerSecond = 10_000_000, Delay = TimeSpan.FromMilliseconds(15) };

    [QuicTheory, QuicCase("transfer")]
    public Task SeveralFilesArriveSideBySide(QuicPair pair) => QuicInterop.RunAsync(
        pair, new QuicScenario("transfer") { Files = [2_000_000, 3_000_000, 5_000_000] }, static run => run.FetchAsync());

    [QuicTheory, QuicCase("multiplexing")]
    public Task TwoThousandSmallFilesArriveOnOneConnection(QuicPair pair) => QuicInterop.RunAsync(
        pair, new QuicScenario("multiplexing") { Files = [.. Enumerable.Repeat(32, 2000)] }, static run => run.FetchAsync());

    [QuicTheory, QuicCase("keyupdate")]
    public Task KeysThatWeChangeAreFollowed(QuicPair pair)
    {
        QuicScenario scenario = new("keyupdate")
        {
            Files = [3_000_000],
            Profile = static profile => profile with { KeyUpdateInterval = 20 },
        };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.InRange(run.Ours.Single().KeyUpdates, 1, long.MaxValue);
        });
    }

    [QuicTheory, QuicCase("keyupdate", NeedsNgtcpClient = true)]
    public Task KeysThatTheClientChangesAreFollowed(QuicPair pair)
    {
        QuicScenario scenario = new("keyupdate") { Files = [1_000_000], Faults = s_slowLink, NgtcpClientFlags = ["--key-update=200ms"] };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.InRange(run.Ours.Single().KeyUpdates, 1, long.MaxValue);
        });
    }

    /// <summary>
    /// Packets of ours that leave capable of marks beyond the first ten show that the peer counted those (RFC 9000, 13.4.2.1);
    /// packets of the peer that arrive so show that it sends them.
    /// </summary>
    [QuicTheory, QuicCase("ecn")]
    public async Task EcnIsUsedBothWays(QuicPair pair)
    {
        int[] capable = new int[2];
        QuicScenario scenario = new("ecn")
        {
            Files = [1_000_000],

            // Marks are asked for only where the congestion control answers them.
            Profile = static profile => profile with { CongestionControl = CongestionControllers.ByName("cubic") },
            Passes = datagram =>
            {
                capable[datagram.IsSent ? 1 : 0] += datagram.Ecn == EcnCodepoint.NotCapable ? 0 : 1;
                return true;
            },
        };
        await QuicInterop.RunAsync(pair, scenario, async run =>
        {
            await run.FetchAsync();
            Assert.True(capable[1] > 20, $"{capable[1]} datagrams left capable of ECN");
            Assert.True(capable[0] > 5, $"{capable[0]} datagrams arrived capable of ECN");
        });
    }
}
