using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

/// <summary>What every engine must do; each derived class runs all of it with its own engine.</summary>
public abstract class UdpLinkTests : IDisposable
{
    private readonly PacketPool _pool = new(track: true);
    private readonly PacketPool _blocks = new(bufferSize: 65536, track: true);

    protected abstract UdpLinkOptions EngineOptions { get; }

    protected UdpLinkOptions Options =>
        EngineOptions with { Pool = _pool, BlockPool = _blocks, ReceiveBufferSize = 4 << 20 };

    protected PacketPool Pool => _pool;

    public void Dispose()
    {
        _pool.ThrowIfOutstanding();
        _blocks.ThrowIfOutstanding();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task UsesTheEngineThatWasAskedFor()
    {
        await using UdpLink link = BindLoopback();
        Assert.Equal(EngineOptions.Engine, link.Engine);
        Assert.Equal(1500, link.Capabilities.MaxDatagramSize);
        Assert.NotEqual(0, ((IPEndPoint)link.LocalEndPoint).Port);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    public async Task EchoesBatchesOfMixedSizes(int count)
    {
        Random random = new(count);
        byte[][] payloads = [.. Enumerable.Range(0, count).Select(i => Payload(random, random.Next(1, 1501), i))];
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await AssertEchoAsync(client, server, payloads);
    }

    [Theory]
    [InlineData(1350, 1350, 64)]
    [InlineData(1350, 17, 64)]
    [InlineData(1500, 1, 200)]
    [InlineData(20, 20, 200)]
    [InlineData(1, 1, 130)]
    public async Task EchoesRunsOfEqualSizeWithAShorterLast(int size, int last, int count)
    {
        Random random = new(size + count);
        byte[][] payloads = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            payloads[i] = Payload(random, i % 100 == 99 ? last : size, i);
        }

        payloads[^1] = Payload(random, last, count - 1);
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await AssertEchoAsync(client, server, payloads);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(500)]
    public async Task ReceivesIntoRoomOfAnySize(int room)
    {
        Random random = new(room);
        byte[][] payloads = [.. Enumerable.Range(0, 100).Select(i => Payload(random, 1200, i))];
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await client.SendAsync(_pool, payloads);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(payloads.Length, room);
        AssertPayloads(payloads, received);
        Release(received);
    }

    [Fact]
    public async Task AnswersManyPeersInOneBatch()
    {
        const int Peers = 5;
        const int PerPeer = 20;
        Random random = new(1);
        await using UdpLink server = BindLoopback();
        UdpLink[] clients = [.. Enumerable.Range(0, Peers).Select(_ => Connect(server))];
        for (int round = 0; round < PerPeer; round++)
        {
            foreach (UdpLink client in clients)
            {
                await client.SendAsync(_pool, [Payload(random, 1 + random.Next(3), round)]);
            }
        }

        PacketBuffer[] received = await server.ReceiveExactlyAsync(Peers * PerPeer);
        for (int i = 0; i < received.Length; i++)
        {
            PeerAddress from = received[i].Peer;
            Assert.Contains(clients, client => client.Address() == from);
            received[i].Truncate(0);
            BitConverter.TryWriteBytes(received[i].Append(4), from.Port);
        }

        random.Shuffle(received);
        await server.SendAsync(received);
        Release(received);
        foreach (UdpLink client in clients)
        {
            PacketBuffer[] answers = await client.ReceiveExactlyAsync(PerPeer);
            Assert.All(answers, answer => Assert.Equal(client.Address().Port, BitConverter.ToInt32(answer.Payload)));
            Assert.All(answers, answer => Assert.Equal(server.Address(), answer.Peer));
            Release(answers);
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task CarriesEmptyDatagrams()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await AssertEchoAsync(client, server, [[], [1], [], [], [2, 3]]);
    }

    [Fact]
    public async Task SpeaksIPv6()
    {
        if (!HasIPv6())
        {
            return;
        }

        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0), Options);
        await using UdpLink client = Connect(server);
        Random random = new(6);
        byte[][] payloads = [.. Enumerable.Range(0, 80).Select(i => Payload(random, 1350, i))];
        PeerAddress peer = await AssertEchoAsync(client, server, payloads);
        Assert.True(peer.IsIPv6);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task DualModeSpeaksToBothFamilies(string any)
    {
        UdpLinkOptions options = Options with { DualMode = true };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Parse(any), 0), options);
        int port = server.Address().Port;
        Random random = new(46);
        byte[][] payloads = [.. Enumerable.Range(0, 20).Select(i => Payload(random, 900, i))];

        await using UdpLink client4 = UdpLink.Connect(new IPEndPoint(IPAddress.Loopback, port), Options);
        PeerAddress peer = await AssertEchoAsync(client4, server, payloads);
        Assert.Equal(client4.Address(), peer);
        if (HasIPv6())
        {
            await using UdpLink client6 = UdpLink.Connect(new IPEndPoint(IPAddress.IPv6Loopback, port), Options);
            peer = await AssertEchoAsync(client6, server, payloads);
            Assert.Equal(client6.Address(), peer);
        }
    }

    [Fact]
    public async Task ReceivedHeadroomSurvivesForHeadersOfOurOwn()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await client.SendAsync(_pool, [[1, 2, 3]]);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(1);
        Assert.Equal(PacketPool.DefaultHeadroom, received[0].Headroom);
        Release(received);
    }

    [Fact]
    public async Task DropsAndCountsWhatIsTooLarge()
    {
        await using UdpLink server = BindLoopback();
        using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        sender.Connect(server.LocalEndPoint);
        sender.Send(new byte[1501]);
        sender.Send(new byte[9000]);
        sender.Send(new byte[65507]);
        sender.Send([1, 2, 3]);
        sender.Send(new byte[1500]);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(2);
        Assert.Equal([3, 1500], received.Select(buffer => buffer.Length));
        Assert.Equal(3, server.Statistics.ReceiveTooLarge);
        Assert.Equal(2, server.Statistics.DatagramsReceived);
        Release(received);
    }

    [Fact]
    public async Task ClosedPortIsCountedNotThrown()
    {
        UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await server.DisposeAsync();
        PacketBuffer[] buffers = new PacketBuffer[4];
        Task<int> receive = client.ReceiveAsync(buffers).AsTask();
        for (int i = 0; i < 50; i++)
        {
            await client.SendAsync(_pool, [[1], [2, 3], [4]]);
        }

        // Each operation that is under way when the ICMP message comes takes it; none must fail.
        Assert.False(receive.IsCompleted);
        await client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receive.WaitAsync(Patience));
        UdpLinkStatistics statistics = client.Statistics;
        Assert.True(statistics.SendUnreachable + statistics.DatagramsSent == 150, statistics.ToString());
    }

    [Fact]
    public async Task DatagramsThatCannotBeAddressedAreCountedAmongThoseThatCan()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = BindLoopback();
        PeerAddress unreachable = PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.IPv6Loopback, 9));
        PacketBuffer[] batch =
        [
            _pool.Datagram([0]),
            _pool.Datagram([1], server.Address()),
            _pool.Datagram([2], unreachable),
            _pool.Datagram([3], unreachable),
            _pool.Datagram([4], server.Address()),
            _pool.Datagram([5]),
        ];
        await client.SendAsync(batch);
        Release(batch);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(2);
        Assert.Equal([1, 4], received.Select(buffer => (int)buffer.Payload[0]));
        Release(received);
        Assert.Equal(4, client.Statistics.SendRefused);
        Assert.Equal(2, client.Statistics.DatagramsSent);
    }

    [Fact]
    public async Task CancellationEndsAReceiveAndTheLinkGoesOn()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        PacketBuffer[] buffers = new PacketBuffer[4];
        for (int round = 0; round < 3; round++)
        {
            using CancellationTokenSource cancellation = new();
            Task<int> receive = server.ReceiveAsync(buffers, cancellation.Token).AsTask();
            Assert.False(receive.IsCompleted);
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receive.WaitAsync(Patience));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => server.ReceiveAsync(buffers, cancellation.Token).AsTask());
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => server.SendAsync(default, cancellation.Token).AsTask());
        }

        await AssertEchoAsync(client, server, [[1], [2, 3]]);
    }

    [Fact]
    public async Task DisposeEndsAReceiveAndRefusesMore()
    {
        UdpLink link = BindLoopback();
        PacketBuffer[] buffers = new PacketBuffer[4];
        Task<int> receive = link.ReceiveAsync(buffers).AsTask();
        Assert.False(receive.IsCompleted);
        await Task.WhenAll(Task.Run(() => link.DisposeAsync().AsTask()), Task.Run(() => link.DisposeAsync().AsTask()));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receive.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => link.ReceiveAsync(buffers).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => link.SendAsync(default).AsTask());
        await link.DisposeAsync();
    }

    [Fact]
    public async Task DisposeIsSafeWhileBothDirectionsWork()
    {
        for (int round = 0; round < 10; round++)
        {
            UdpLink server = BindLoopback();
            UdpLink client = Connect(server);
            TaskCompletionSource busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Task sending = Task.Run(async () =>
            {
                byte[][] payloads = [.. Enumerable.Repeat(new byte[1200], 10)];
                while (true)
                {
                    PacketBuffer[] batch = [.. payloads.Select(payload => _pool.Datagram(payload))];
                    try
                    {
                        await client.SendAsync(batch);
                    }
                    finally
                    {
                        Release(batch);
                    }
                }
            });
            Task receiving = Task.Run(async () =>
            {
                PacketBuffer[] buffers = new PacketBuffer[16];
                while (true)
                {
                    int count = await server.ReceiveAsync(buffers);
                    Release(buffers.Take(count));
                    busy.TrySetResult();
                }
            });
            await busy.Task.WaitAsync(Patience);
            await Task.WhenAll(client.DisposeAsync().AsTask(), server.DisposeAsync().AsTask());
            await Assert.ThrowsAsync<ObjectDisposedException>(() => sending.WaitAsync(Patience));
            await Assert.ThrowsAsync<ObjectDisposedException>(() => receiving.WaitAsync(Patience));
        }
    }

    [Fact]
    public async Task OneOperationOfAKindAtATime()
    {
        await using UdpLink link = BindLoopback();
        PacketBuffer[] buffers = new PacketBuffer[4];
        Task<int> receive = link.ReceiveAsync(buffers).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => link.ReceiveAsync(new PacketBuffer[4]).AsTask());
        await link.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => receive.WaitAsync(Patience));
    }

    [Fact]
    public async Task StatisticsCountWhatPassed()
    {
        await using UdpLink server = BindLoopback();
        await using UdpLink client = Connect(server);
        await AssertEchoAsync(client, server, [.. Enumerable.Repeat(new byte[1000], 70)]);
        Assert.Equal(70, client.Statistics.DatagramsSent);
        Assert.Equal(70_000, client.Statistics.BytesSent);
        Assert.Equal(70, server.Statistics.DatagramsReceived);
        Assert.Equal(70_000, server.Statistics.BytesReceived);
        Assert.Equal(0, server.Statistics.KernelDropped);
    }

    protected UdpLink BindLoopback() => UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options);

    protected UdpLink Connect(UdpLink server) => UdpLink.Connect((IPEndPoint)server.LocalEndPoint, Options);

    /// <summary>
    /// Sends from the client, checks the arrivals, sends them back, checks again; returns the client's address.
    /// </summary>
    protected async Task<PeerAddress> AssertEchoAsync(UdpLink client, UdpLink server, byte[][] payloads)
    {
        await client.SendAsync(_pool, payloads);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(payloads.Length);
        AssertPayloads(payloads, received);
        PeerAddress peer = received[0].Peer;
        Assert.All(received, buffer => Assert.Equal(peer, buffer.Peer));

        await server.SendAsync(received).AsTask().WaitAsync(Patience);
        Release(received);
        PacketBuffer[] echoed = await client.ReceiveExactlyAsync(payloads.Length);
        AssertPayloads(payloads, echoed);
        Release(echoed);
        return peer;
    }
}
