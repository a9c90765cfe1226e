using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>What can be known to be wrong is said at once, and who waits for nobody does not wait for ever.</summary>
public sealed class ConnectingTests
{
    [Theory]
    [InlineData("0.0.0.0", 4000)]
    [InlineData("::", 4000)]
    [InlineData("::ffff:0.0.0.0", 4000)]
    [InlineData("127.0.0.1", 0)]
    [InlineData("name.example", 0)]
    public async Task WhereNobodyCanBeIsRefusedAtOnce(string host, int port)
    {
        EndPoint remote = IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => CausewayConnection.ConnectAsync(Options(remote)).AsTask());
        Assert.Contains(remote.ToString()!, error.Message, StringComparison.Ordinal);
        Assert.Contains("1 to 65535", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACancelledTokenConnectsNothing()
    {
        bool wasCalled = false;
        CausewayClientOptions options = Options(new IPEndPoint(IPAddress.Loopback, 1)) with
        {
            CreateLink = _ =>
            {
                wasCalled = true;
                throw new NotSupportedException();
            },
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => CausewayConnection.ConnectAsync(options, new CancellationToken(canceled: true)).AsTask());
        Assert.False(wasCalled);
    }

    [Theory]
    [InlineData("no-such-name.invalid")]
    [InlineData("a..b")]
    public async Task ANameWithoutAddressIsNamed(string name)
    {
        TransportException error = await Assert.ThrowsAsync<TransportException>(
            () => CausewayConnection.ConnectAsync(Options(new DnsEndPoint(name, 4000))).AsTask());
        Assert.Equal(TransportError.ConnectFailed, error.Error);
        Assert.StartsWith($"The name '{name}' could not be resolved: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoOnlyAcceptsFromNobodyHearsOfIt()
    {
        VirtualTimeProvider time = new();
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(time: time, decorate: link =>
        {
            FaultInjectionLink dark = new(link, new FaultInjectionOptions(), time);
            dark.SetBlackout(true);
            return dark;
        });
        Task<CausewayStream> accepting = peers.Client.AcceptStreamAsync().AsTask();
        for (int i = 0; i < 100 && !accepting.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
        }

        TransportException error = await Assert.ThrowsAsync<TransportException>(() => accepting.Guarded());
        Assert.True(error.Error is TransportError.DeadLink or TransportError.IdleTimeout, error.Message);
        Assert.Contains("Nothing was ever heard of it", error.Message, StringComparison.Ordinal);
        Assert.True(peers.Client.Statistics.Transport.OutPackets > 1);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task WhoOnlyAcceptsIsKnownToThePeer(Wire wire)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(wire.Profile());
        Task<CausewayStream> accepting = peers.Client.AcceptStreamAsync().AsTask();
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        await using CausewayStream pushed = await server.OpenStreamAsync().Guarded();
        await pushed.WriteAsync(new byte[3]).Guarded();
        await using CausewayStream stream = await accepting.Guarded();
        await stream.ReadExactlyAsync(new byte[3]).Guarded();
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task RefusedStreamsAreCounted(Wire wire)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(wire.Profile(), streamBacklog: 2);
        List<CausewayStream> streams = [];
        for (int i = 0; i < 5; i++)
        {
            streams.Add(await peers.Client.OpenStreamAsync().Guarded());
            try
            {
                await streams[i].WriteAsync(new byte[1]).Guarded();
            }
            catch (TransportException) when (i >= 2)
            {
                // On a slow machine the opening went alone, and the refusal was here before the write.
            }
        }

        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        foreach (CausewayStream refused in streams[2..])
        {
            await Assert.ThrowsAsync<TransportException>(() => refused.WritesClosed.Guarded());
        }

        for (int i = 0; i < 2; i++)
        {
            await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
            await accepted.ReadExactlyAsync(new byte[1]).Guarded();
        }

        Assert.Equal((2, 3), (server.Statistics.Streams.StreamsAccepted, server.Statistics.Streams.StreamsRefused));
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task EveryAcceptLoopEndsByATransportException(Wire wire)
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(wire.Profile());
        Task<CausewayConnection> connection = peers.Listener.AcceptConnectionAsync().AsTask();
        Task<CausewayStream> stream = peers.Server.AcceptStreamAsync().AsTask();
        await peers.Listener.DisposeAsync();
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => connection.Guarded())).Error);
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => stream.Guarded())).Error);

        // A loop that was not waiting just then comes back for more.
        await Assert.ThrowsAsync<TransportException>(() => peers.Listener.AcceptConnectionAsync().AsTask());
        await Assert.ThrowsAsync<TransportException>(() => peers.Server.AcceptStreamAsync().AsTask());
    }

    [Fact]
    public async Task TheSocketIsTheProfilesUnlessSetByHand()
    {
        const int Mine = 65536;
        List<int> sizes = [];
        List<int> expected = [];
        UdpLinkOptions Observed(UdpLinkOptions udp, List<int> list) => udp with { ConfigureSocket = socket => list.Add(socket.ReceiveBufferSize) };
        foreach ((int? profile, int? udp, int? result) in ((int?, int?, int?)[])[
            (TransportProfile.DefaultSocketBuffer, null, TransportProfile.DefaultSocketBuffer), (Mine, null, Mine),
            (null, null, null), (TransportProfile.DefaultSocketBuffer, Mine, Mine)])
        {
            CausewayClientOptions options = Options(new IPEndPoint(IPAddress.Loopback, 9)) with
            {
                Profile = new KcpProfile { SocketBuffer = profile },
                Udp = Observed(new UdpLinkOptions { ReceiveBufferSize = udp }, sizes),
            };
            await using CausewayConnection connection = await CausewayConnection.ConnectAsync(options);
            await using UdpLink link = UdpLink.Connect(
                new IPEndPoint(IPAddress.Loopback, 9), Observed(new UdpLinkOptions { ReceiveBufferSize = result }, expected));
        }

        // The kernel may grant less: what counts is that it was asked for the same.
        Assert.Equal(expected, sizes);
        Assert.True(sizes[1] <= sizes[0]);
        Assert.Equal(TransportProfile.DefaultSocketBuffer, new KcpProfile().SocketBuffer);
        Assert.Throws<ArgumentOutOfRangeException>(new KcpProfile { SocketBuffer = 2047 }.Validate);
        Assert.Throws<ArgumentOutOfRangeException>(new KcpProfile { Dscp = 64 }.Validate);
    }

    private static CausewayClientOptions Options(EndPoint remote) => new() { Profile = new KcpProfile(), RemoteEndPoint = remote };
}
