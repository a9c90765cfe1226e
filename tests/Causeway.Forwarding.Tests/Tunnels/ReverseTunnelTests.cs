using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;
using Causeway.Forwarding.Tunnels.Wire;
using Causeway.Quic;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class ReverseTunnelTests
{
    [Fact]
    public async Task TheServerListensAndThisEndConnects()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(["0"], To(target.EndPoint));

        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(await BoundAsync(pair)), Bytes.Random(300_000, seed: 1));
    }

    [Fact]
    public async Task SeveralPortsLeadToTheirTargets()
    {
        await using EchoTarget target = new();
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await StartAsync(["0"], To(target.EndPoint), To(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!)));

        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(await BoundAsync(pair, 0)), Bytes.Random(1000, seed: 1));
        using Socket socket = await Sockets.ConnectAsync(await BoundAsync(pair, 1));
        using Socket accepted = await listener.AcceptAsync().Guarded();
        await accepted.SendAllAsync("other"u8.ToArray());
        Assert.Equal("other"u8.ToArray(), await socket.ReceiveExactlyAsync(5));
    }

    [Fact]
    public async Task ATargetLearnsWhoConnectedAtTheServer()
    {
        using Socket listener = Sockets.Listen();
        ForwardEndPoint target = ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!);
        await using TunnelPair pair = await StartAsync(["0"], To(target) with { SendsProxyHeader = true });
        using Socket socket = await Sockets.ConnectAsync(await BoundAsync(pair));
        using Socket accepted = await listener.AcceptAsync().Guarded();
        Assert.Equal(ProxyHeader.For(socket.LocalEndPoint, new IPEndPoint(IPAddress.Loopback, 0)), await accepted.ReceiveExactlyAsync(28));
    }

    [Fact]
    public async Task ARefusalAtTheTargetIsAResetThere()
    {
        await using TunnelPair pair = await StartAsync(["0"], To(TunnelTests.UnusedPort()));
        Assert.Equal(SocketError.ConnectionReset, await TunnelTests.ErrorOfAsync(await BoundAsync(pair)));
        await pair.ServerLog.WaitForAsync(line => line.Contains("did not get to", StringComparison.Ordinal) && line.Contains("connect refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NothingIsListenedOnUnlessARuleSaysSo()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(["1-2"], To(target.EndPoint));
        await pair.ServerLog.WaitForAsync(line => line.Contains("asked for listening on 127.0.0.1:0 and was refused: NotAllowed", StringComparison.Ordinal));
        await pair.ClientLog.WaitForAsync(line => line.Contains("not allowed", StringComparison.Ordinal));
        Assert.Null(pair.Client.ReverseEndPoints[0]);
    }

    [Fact]
    public async Task ThePortIsClosedWithTheConnection()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(["0"], To(target.EndPoint));
        IPEndPoint bound = await BoundAsync(pair);

        await pair.Client.StopAsync().Guarded();

        await pair.ServerLog.WaitForAsync(line => line.StartsWith($"listening no more on {bound}", StringComparison.Ordinal));
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketException error = await Assert.ThrowsAsync<SocketException>(() => socket.ConnectAsync(bound).Guarded());
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    [Fact]
    public async Task TheServerIsAskedAgainAfterItWasRestarted()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(["0"], To(target.EndPoint));
        await BoundAsync(pair);

        await pair.RestartServerAsync();
        await pair.ClientLog.WaitForAsync(line => line.StartsWith("the server listens no more", StringComparison.Ordinal));

        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(await BoundAsync(pair)), Bytes.Random(1000, seed: 1));
    }

    [Fact]
    public async Task APortInUseIsSaidAndTakenOnceItIsFree()
    {
        await using EchoTarget target = new();
        Socket taken = Sockets.Listen();
        ForwardEndPoint port = ForwardEndPoint.From((IPEndPoint)taken.LocalEndPoint!);
        await using TunnelPair pair = await StartAsync(["*"], To(target.EndPoint) with { Listen = port });
        await pair.ClientLog.WaitForAsync(line => line.Contains("address in use or not available", StringComparison.Ordinal));

        taken.Dispose();

        Assert.Equal(port.EndPoint, await BoundAsync(pair));
    }

    [Fact]
    public async Task AClientHasNoMorePortsThanAllowed()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Tunnels = new TunnelPolicy { Listening = [TunnelListenRule.Parse("0")], MaxListeners = 1 } },
            client => client with { ReverseForwards = [To(target.EndPoint), To(target.EndPoint)] });
        await pair.ClientLog.WaitForAsync(line => line.Contains("limit reached", StringComparison.Ordinal));
        await UdpTunnelTests.UntilAsync(() => pair.Client.ReverseEndPoints.Count(static bound => bound is not null) == 1);
    }

    [Fact]
    public async Task DatagramsComeInAtTheServerToo()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await StartAsync(["udp:0"], To(target.EndPoint) with { IsUdp = true });
        IPEndPoint bound = await BoundAsync(pair);
        using UdpPeer first = new(bound);
        using UdpPeer second = new(bound);
        foreach (int length in new[] { 1, 1400, 9000 })
        {
            await first.EchoAsync(Bytes.Random(length, seed: 1));
            await second.EchoAsync(Bytes.Random(length, seed: 2));
        }

        Assert.Equal(2, target.Sources);
    }

    [Theory]
    [InlineData((int)TunnelKind.Accepted, 99L, TunnelRefusal.NotAllowed)]
    [InlineData((int)TunnelKind.Accepted, null, TunnelRefusal.Unsupported)]
    [InlineData((int)TunnelKind.AcceptedDatagrams, 0L, TunnelRefusal.NotAllowed)]
    [InlineData((int)TunnelKind.Connect, null, TunnelRefusal.Unsupported)]
    [InlineData((int)TunnelKind.Listen, null, TunnelRefusal.Unsupported)]
    public async Task AServerGetsNowhereElseAtAClient(int kindNumber, long? listener, TunnelRefusal reason)
    {
        TunnelKind kind = (TunnelKind)kindNumber;
        await using EchoTarget target = new();
        using CausewayKey key = CausewayKey.Create();
        await using CausewayListener hostile = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new QuicProfile { ServerAuthentication = ServerAuthentication.WithKey(key).WithApplicationProtocols(TunnelProtocol.Name) },
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
        });
        await using TunnelClient client = await TunnelClient.StartAsync(new TunnelClientOptions
        {
            Connection = () => new CausewayClientOptions
            {
                Profile = new QuicProfile
                {
                    ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint).WithApplicationProtocols(TunnelProtocol.Name),
                },
                RemoteEndPoint = hostile.LocalEndPoint,
            },
            ReverseForwards = [To(target.EndPoint)],
        });
        CausewayConnection connection = await hostile.AcceptConnectionAsync().Guarded();
        await using CausewayStream asked = await connection.AcceptStreamAsync().Guarded();
        Assert.Equal(0, asked.Id);

        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        TunnelFrame request = TunnelFrame.Request(kind, kind == TunnelKind.Connect ? target.EndPoint.EndPoint : null) with { Listener = listener };
        await stream.WriteAsync(request.ToBytes()).Guarded();
        Assert.Equal((byte)reason, (await TunnelFrameReader.ReadAsync(stream, default).Guarded()).Frame?.Code);
    }

    [Fact]
    public async Task UnixSocketsAreListenedOnToo()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync([path], To(target.EndPoint) with { Listen = ForwardEndPoint.Parse(path) });
        await UdpTunnelTests.UntilAsync(() => pair.Client.ReverseEndPoints[0] is not null);
        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(new UnixDomainSocketEndPoint(path)), Bytes.Random(1000, seed: 1));
        await pair.Client.StopAsync().Guarded();
        await UdpTunnelTests.UntilAsync(() => !File.Exists(path));
    }

    private static Task<TunnelPair> StartAsync(string[] rules, params TunnelForward[] forwards) => TunnelPair.StartAsync(
        server => server with { Tunnels = new TunnelPolicy { Listening = [.. rules.Select(TunnelListenRule.Parse)] } },
        client => client with { ReverseForwards = forwards });

    private static TunnelForward To(ForwardEndPoint target) => new() { Listen = ForwardEndPoint.Parse("127.0.0.1:0"), Target = target };

    private static async Task<IPEndPoint> BoundAsync(TunnelPair pair, int index = 0)
    {
        IPEndPoint? bound = null;
        await UdpTunnelTests.UntilAsync(() => (bound = pair.Client.ReverseEndPoints[index] as IPEndPoint) is not null);
        return bound!;
    }
}
