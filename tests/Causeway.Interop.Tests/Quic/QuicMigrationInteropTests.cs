using Causeway.Testing;

namespace Causeway.Interop.Tests.Quic;

/// <summary>A client whose address becomes another in the middle of a transfer: with each peer, in each role.</summary>
public sealed class QuicMigrationInteropTests
{
    [QuicTheory, QuicCase("rebind-port")]
    public Task ATransferGoesOnWhenTheNatChangesThePort(QuicPair pair) => RebindAsync(pair, "rebind-port", changesAddress: false);

    [QuicTheory, QuicCase("rebind-addr")]
    public Task ATransferGoesOnWhenTheNatChangesTheAddress(QuicPair pair) => RebindAsync(pair, "rebind-addr", changesAddress: true);

    [QuicTheory, QuicCase("connectionmigration")]
    public Task AClientThatMigratesIsFollowed(QuicPair pair)
    {
        QuicScenario scenario = new("connectionmigration")
        {
            Files = [1_500_000],

            // Slow enough for the change to come in the middle of the transfer.
            Faults = new FaultModelOptions { RateBitsPerSecond = 10_000_000, Delay = TimeSpan.FromMilliseconds(10) },
            NgtcpClientFlags = ["--change-local-addr=200ms"],
        };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.InRange(run.OurServers.Single().PathChanges, 1, long.MaxValue);
            Assert.InRange(run.OurServers.Single().PathsValidated, 1, long.MaxValue);
        });
    }

    private static Task RebindAsync(QuicPair pair, string name, bool changesAddress)
    {
        QuicScenario scenario = new(name) { Files = [3_000_000], Relay = server => new UdpRelay(server, rebindAfter: 300, changesAddress) };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.True(run.Relay!.HasRebound, "the transfer was over before the address changed");
            Assert.All(run.OurServers, static connection => Assert.InRange(connection.PathsValidated, 1, long.MaxValue));
            Assert.All(run.OurClients, static connection => Assert.InRange(connection.PathChallenges, 1, long.MaxValue));
        });
    }
}
