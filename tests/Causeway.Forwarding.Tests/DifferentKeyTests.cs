using System.Net;
using System.Net.Sockets;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;

namespace Causeway.Forwarding.Tests;

/// <summary>Two ends that do not understand each other: neither can tell the other, so each tells its user.</summary>
public sealed class DifferentKeyTests
{
    [Theory]
    [InlineData("another", "aes")]
    [InlineData("test", "salsa20")]
    [InlineData("another", "aes-128-gcm")]
    public async Task TheServerNamesTheAddressAndTheClientTheLikelyReason(string clientKey, string clientCrypt)
    {
        ListLogger log = new();
        using KcptunProfile serverProfile = new(new KcptunServerConfig { Key = "test" });
        using KcptunProfile clientProfile = new(new KcptunClientConfig { Key = clientKey, Crypt = clientCrypt });
        await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = serverProfile.Transport,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            LoggerFactory = new ListLoggerFactory(log),
        });
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = clientProfile.Transport with { Arq = clientProfile.Transport.Arq with { DeadLinkTimeout = TimeSpan.FromSeconds(1) } },
            RemoteEndPoint = listener.LocalEndPoint,
            CloseTimeout = TimeSpan.Zero,
        });
        EndPoint local = client.LocalEndPoint;
        await using CausewayStream stream = await client.OpenStreamAsync();
        await stream.WriteAsync(new byte[10]);
        await client.Closed.Guarded();

        Assert.Equal(TransportError.DeadLink, client.Failure?.Error);
        Assert.Contains("its key or crypt is another", client.Failure!.Message, StringComparison.Ordinal);
        await log.WaitForAsync(static line => line.Contains("decipher", StringComparison.Ordinal));
        Assert.Equal(
            $"datagrams that do not decipher from {local}: its key or crypt is another, or it is no peer",
            Assert.Single(log.Lines, static line => line.Contains("decipher", StringComparison.Ordinal)));
        Assert.True(serverProfile.ChecksumErrors > 1);
    }

    [Fact]
    public async Task AServerOfAnotherKeyIsToldFromNone()
    {
        // Whatever it sends back shows the client that somebody is there.
        using Socket server = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using KcptunProfile profile = new(new KcptunClientConfig { Key = "test" });
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = profile.Transport with { Arq = profile.Transport.Arq with { DeadLinkTimeout = TimeSpan.FromSeconds(1) } },
            RemoteEndPoint = server.LocalEndPoint!,
            CloseTimeout = TimeSpan.Zero,
        });
        await using CausewayStream stream = await client.OpenStreamAsync();
        await stream.WriteAsync(new byte[10]);
        await server.SendToAsync(new byte[100], client.LocalEndPoint).Guarded();
        await client.Closed.Guarded();

        Assert.Contains("1 datagrams came and did not decipher", client.Failure!.Message, StringComparison.Ordinal);
    }

    private sealed class ListLoggerFactory(ListLogger log) : Microsoft.Extensions.Logging.ILoggerFactory
    {
        public void AddProvider(Microsoft.Extensions.Logging.ILoggerProvider provider) => throw new NotSupportedException();

        public Microsoft.Extensions.Logging.ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
