using System.Net;
using Causeway.Testing;

namespace Causeway.Interop.Tests.Quic;

/// <summary>A client whose address becomes another in the middle of a transfer: with each peer, in each role.</summary>
public sealed class QuicMigrationInteropTests
{
    // Slow enough for a change to come in the middle of a transfer.
    private static readonly FaultModelOptions s_slowLink = new() { RateBitsPerSecond = 10_000_000, Delay = TimeSpan.FromMilliseconds(10) };

    [QuicTheory, QuicCase("rebind-port")]
    public Task ATransferGoesOnWhenTheNatChangesThePort(QuicPair pair) => RebindAsync(pair, "rebind-port", changesAddress: false);

    [QuicTheory, QuicCase("rebind-addr")]
    public Task ATransferGoesOnWhenTheNatChangesTheAddress(QuicPair pair) => RebindAsync(pair, "rebind-addr", changesAddress: true);

    /// <summary>
    /// The client is the program <c>causeway quic get --rebind</c>, which takes another socket while the file is under way. Five seconds, since
    /// ngtcp2 follows nobody during the handshake, which takes seconds on a busy machine.
    /// </summary>
    [QuicTheory, QuicCase("rebind-port", NeedsOurHttp3Client = true)]
    public Task ATransferGoesOnWhenTheProgramChangesThePort(QuicPair pair)
    {
        QuicScenario scenario = new("rebind-port")
        {
            Files = [3_000_000],
            IsHttp3 = true,
            Relay = static server => new UdpRelay(server, rebindAfter: 300, UdpRelay.Rebinding.WithClient),
        };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchByProgramAsync("--rebind", "5");
            Assert.True(run.Relay!.HasRebound, "the program kept its port");
            Assert.All(run.OurServers, static connection => Assert.InRange(connection.PathsValidated, 1, long.MaxValue));
        });
    }

    /// <summary>Its requests leave from the new port: a client that only receives would have nothing to say from there.</summary>
    [QuicTheory, QuicCase("rebind-port", NeedsNgtcpClient = true)]
    public Task ATransferGoesOnWhenTheClientChangesThePortUnasked(QuicPair pair) =>
        ClientMovesAsync(pair, "rebind-port", "--change-local-addr=200ms", "--nat-rebinding", "--delay-stream=600ms");

    [QuicTheory, QuicCase("connectionmigration", NeedsNgtcpClient = true)]
    public Task AClientThatMigratesIsFollowed(QuicPair pair) => ClientMovesAsync(pair, "connectionmigration", "--change-local-addr=200ms");

    /// <summary>The server would rather be spoken to elsewhere (RFC 9000, 9.6), and the client goes there.</summary>
    [QuicTheory, QuicCase("connectionmigration")]
    public async Task AClientMovesToThePreferredAddress(QuicPair pair)
    {
        // Ours has one socket, for all addresses of the machine; ngtcp2's opens another.
        int port = PeerProcess.FreePort(IPAddress.Loopback);
        QuicScenario scenario = new("connectionmigration")
        {
            Files = [1_500_000],
            Faults = s_slowLink,
            ListenAddress = IPAddress.Any,
            Profile = static profile => profile.ServerAuthentication is null
                ? profile
                : profile with { PreferredIPv4EndPoint = new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0) },
            NgtcpServerFlags = [$"--preferred-ipv4-addr=127.0.0.2:{port}"],
        };
        await QuicInterop.RunAsync(pair, scenario, static run => PreferredAsync(run));
    }

    /// <summary>The server has one of each family, and the client's socket IPv6 alone.</summary>
    [QuicTheory, QuicCase("connectionmigration", NeedsNgtcpServer = true)]
    public async Task AClientMovesWithinTheFamilyOfItsSocket(QuicPair pair)
    {
        QuicScenario scenario = new("connectionmigration")
        {
            Files = [300_000],
            Address = IPAddress.IPv6Loopback,
            NgtcpServerFlags =
            [
                $"--preferred-ipv4-addr=127.0.0.2:{PeerProcess.FreePort(IPAddress.Loopback)}",
                $"--preferred-ipv6-addr=[::1]:{PeerProcess.FreePort(IPAddress.IPv6Loopback)}",
            ],
        };
        await QuicInterop.RunAsync(pair, scenario, static run => PreferredAsync(run));
    }

    private static async Task PreferredAsync(QuicInterop run)
    {
        await run.FetchAsync(untilDone: static connection => connection.PathChanges > 0);
        Assert.All(run.OurClients, static connection => Assert.Equal((1, 1), (connection.PathChanges, connection.PathsValidated)));

        // The server's own count has the address that the handshake began with, which nothing but the handshake proves.
        Assert.All(run.OurServers, static connection => Assert.InRange(connection.PathChanges, 1, 2));
    }

    private static Task ClientMovesAsync(QuicPair pair, string name, params string[] flags)
    {
        QuicScenario scenario = new(name)
        {
            Files = [1_500_000],
            Faults = s_slowLink,
            NgtcpClientFlags = flags,
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
        QuicScenario scenario = new(name) { Files = [3_000_000], Relay = server => new UdpRelay(server, rebindAfter: 300, changesAddress ? UdpRelay.Rebinding.ToOtherAddress : UdpRelay.Rebinding.ToOtherPort) };
        return QuicInterop.RunAsync(pair, scenario, static async run =>
        {
            await run.FetchAsync();
            Assert.True(run.Relay!.HasRebound, "the transfer was over before the address changed");
            Assert.All(run.OurServers, static connection => Assert.InRange(connection.PathsValidated, 1, long.MaxValue));
            Assert.All(run.OurClients, static connection => Assert.InRange(connection.PathChallenges, 1, long.MaxValue));
        });
    }
}
