using System.Net;
using System.Security.Cryptography;

namespace Causeway.Quic.Tests.Runtime;

/// <summary>What a server's secret makes good for other servers, and for the same one after a restart.</summary>
public sealed class ServerSecretTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ATicketIsGoodAtAServerWithTheSameSecret(bool isSame)
    {
        using CausewayKey key = CausewayKey.Create();
        QuicProfile client = new() { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) };
        QuicProfile server = new() { ServerAuthentication = ServerAuthentication.WithKey(key), ServerSecret = Secret(1) };
        ReadOnlyMemory<byte> ticket = default;
        await ConnectAsync(client, server, async statistics =>
        {
            Assert.False(statistics.IsResumed);
            while ((ticket = statistics.ResumptionTicket).IsEmpty)
            {
                await Task.Delay(1);
            }
        });
        await ConnectAsync(client with { ResumptionTicket = ticket }, server with { ServerSecret = Secret((byte)(isSame ? 1 : 2)) }, statistics =>
        {
            Assert.Equal(isSame, statistics.IsResumed);
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task ATicketOfAServerWithItsOwnKeyOutlivesTheServer()
    {
        using CausewayKey key = CausewayKey.Create();
        using CausewayKey again = CausewayKey.FromPem(key.ToPem());
        QuicProfile client = new() { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint) };
        ReadOnlyMemory<byte> ticket = default;
        await ConnectAsync(client, new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key) }, async statistics =>
        {
            while ((ticket = statistics.ResumptionTicket).IsEmpty)
            {
                await Task.Delay(1);
            }
        });
        await ConnectAsync(
            client with { ResumptionTicket = ticket },
            new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(again).WithApplicationProtocols(ClientAuthentication.DefaultProtocol) },
            statistics =>
            {
                Assert.True(statistics.IsResumed);
                return Task.CompletedTask;
            });
    }

    [Fact]
    public void EveryUseAndEveryPortHasAKeyOfItsOwn()
    {
        byte[] secret = Secret(1);
        string[] keys =
        [
            Convert.ToHexString(ServerSecret.TokenKey(secret)),
            Convert.ToHexString(ServerSecret.ResetKey(secret, 443)),
            Convert.ToHexString(ServerSecret.ResetKey(secret, 444)),
            Convert.ToHexString(ServerSecret.ResetKey(Secret(2), 443)),
            Convert.ToHexString(secret),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys[1], Convert.ToHexString(ServerSecret.ResetKey(secret, 443)));

        // RFC 5869, by the platform's functions one after the other.
        byte[] extracted = HKDF.Extract(HashAlgorithmName.SHA256, secret, []);
        Assert.Equal(keys[0], Convert.ToHexString(HKDF.Expand(HashAlgorithmName.SHA256, extracted, 32, "causeway address token"u8.ToArray())));
    }

    [Fact]
    public void AShortSecretIsRefused()
    {
        using CausewayKey key = CausewayKey.Create();
        QuicProfile profile = new() { ServerAuthentication = ServerAuthentication.WithKey(key), ServerSecret = new byte[31] };
        ArgumentException error = Assert.Throws<ArgumentException>(profile.Validate);
        Assert.StartsWith("ServerSecret has 31 bytes; there must be 32 at least, or none.", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Secret(byte seed) => [.. Enumerable.Range(0, 32).Select(index => (byte)(seed + index))];

    private static async Task ConnectAsync(QuicProfile client, QuicProfile server, Func<QuicStatistics, Task> look)
    {
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0), Profile = server });
        await using CausewayConnection connection = await CausewayConnection.ConnectAsync(
            new CausewayClientOptions { RemoteEndPoint = listener.LocalEndPoint, Profile = client }).AsTask().WaitAsync(s_patience);
        await look((QuicStatistics)connection.Statistics.Transport).WaitAsync(s_patience);
    }
}
