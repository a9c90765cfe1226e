using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

/// <summary>
/// A link that is bound to any address answers from the one that was spoken to. The clients' sockets are connected: what
/// comes from another address never reaches them.
/// </summary>
public sealed class LocalAddressTests : IDisposable
{
    private readonly PacketPool _pool = new(track: true);
    private readonly PacketPool _blocks = new(bufferSize: 65536, track: true);

    private UdpLinkOptions Options => new()
    {
        Engine = UdpEngine.Linux,
        Pool = _pool,
        BlockPool = _blocks,
        ReceiveBufferSize = 4 << 20,
    };

    public void Dispose()
    {
        _pool.ThrowIfOutstanding();
        _blocks.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData("0.0.0.0", false, "127.0.0.2")]
    [InlineData("0.0.0.0", false, "127.0.0.1 127.0.0.2 127.5.6.7")]
    [InlineData("0.0.0.0", true, "127.0.0.1 127.0.0.2 127.5.6.7")]
    [InlineData("::", true, "127.0.0.1 127.0.0.2 ::1")]
    public async Task AnswersFromTheAddressSpokenTo(string bind, bool offload, string dialled)
    {
        if (!OperatingSystem.IsLinux() || (bind == "::" && !HasIPv6()))
        {
            return;
        }

        await AssertAnswersAsync(
            UdpLink.Bind(new IPEndPoint(IPAddress.Parse(bind), 0), Options with { DualMode = bind == "::", SegmentationOffload = offload }),
            dialled.Split(' '),
            Connect);
    }

    [Fact]
    public async Task AnswersFromASecondIPv6Address()
    {
        // Only one's own network has a second address to spare; where the system does not grant one, the loopback has to do.
        UdpLink? server = null;
        List<UdpLink> clients = [];
        string[] dialled = ["fd00:5::1", "fd00:5::2", "fd00:5::3", "::1"];
        void Open()
        {
            server = UdpLink.Bind(new IPEndPoint(IPAddress.IPv6Any, 0), Options);
            clients.AddRange(dialled.Select(address => Connect(address, ((IPEndPoint)server.LocalEndPoint).Port)));
        }

        if (!NetworkNamespace.TryRun(dialled[..^1], Open))
        {
            if (!OperatingSystem.IsLinux() || !HasIPv6())
            {
                return;
            }

            dialled = ["::1"];
            Open();
        }

        await AssertAnswersAsync(server!, dialled, (address, _) => clients[Array.IndexOf(dialled, address)]);
    }

    [Fact]
    public async Task TellsNoLocalAddressWhereThereIsOnlyOne()
    {
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options with { Engine = UdpEngine.Auto });
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, Options with { Engine = UdpEngine.Auto });
        await client.SendAsync(_pool, [[1]]);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(1);
        Assert.True(received[0].Path.Local.IsNone);
        Assert.False(server.Statistics.TellsLocalAddress);
        Release(received);
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1", "192.0.2.1")]
    [InlineData("::", "::1", "2001:db8::1")]
    public async Task AnAddressThatHasGoneIsLeftToTheSystem(string bind, string dialled, string gone)
    {
        if (!OperatingSystem.IsLinux() || (bind == "::" && !HasIPv6()))
        {
            return;
        }

        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Parse(bind), 0), Options);
        await using UdpLink client = Connect(dialled, ((IPEndPoint)server.LocalEndPoint).Port);
        Assert.True(server.Statistics.SendOffload && server.Statistics.SendsEcn);

        // A run, with congestion bits: neither is what the kernel refuses, and both stay on.
        byte[][] payloads = [.. Enumerable.Range(0, 40).Select(i => Payload(new Random(i), 1200, i))];
        PacketBuffer[] batch = [.. payloads.Select(payload => _pool.Datagram(payload))];
        foreach (PacketBuffer datagram in batch)
        {
            datagram.Path = new DatagramPath(client.Address(), PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.Parse(gone), 1)));
            datagram.Ecn = EcnCodepoint.Capable0;
        }

        await server.SendAsync(batch);
        Release(batch);
        PacketBuffer[] received = await client.ReceiveExactlyAsync(payloads.Length);
        AssertPayloads(payloads, received);
        Release(received);
        UdpLinkStatistics statistics = server.Statistics;
        Assert.Equal((40, 40, 0), (statistics.SendSourceRefused, statistics.DatagramsSent, statistics.SendRefused));
        Assert.True(statistics.SendOffload && statistics.SendsEcn);
    }

    [Theory]
    [InlineData(UdpEngine.Linux)]
    [InlineData(UdpEngine.Portable)]
    public async Task ADisconnectedLinkHearsOthersAndKeepsItsPort(UdpEngine engine)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using UdpLink dialled = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options with { Engine = engine });
        await using UdpLink other = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options with { Engine = engine });
        await using UdpLink client = UdpLink.Connect((IPEndPoint)dialled.LocalEndPoint, Options with { Engine = engine });

        // A receive that waits since before sees it too.
        Task<PacketBuffer[]> receiving = client.ReceiveExactlyAsync(1);
        Assert.True(((IConnectedLink)client).TryDisconnect());
        await other.SendAsync(_pool, [[7]], client.Address());
        PacketBuffer[] received = await receiving;
        Assert.Equal(other.Address(), received[0].Peer);
        Release(received);

        // What has no address goes where it went, from the same port.
        await client.SendAsync(_pool, [[1], [2], [3]]);
        received = await dialled.ReceiveExactlyAsync(3);
        Assert.All(received, datagram => Assert.Equal(client.Address(), datagram.Peer));
        Release(received);

        // Connected again, it hears the one alone: what the other sent before comes no more.
        Assert.True(((IConnectedLink)client).TryReconnect());
        await other.SendAsync(_pool, [[8]], client.Address());
        await dialled.SendAsync(_pool, [[9]], client.Address());
        received = await client.ReceiveExactlyAsync(1);
        Assert.Equal((dialled.Address(), 9), (received[0].Peer, received[0].Payload[0]));
        Release(received);
        await client.SendAsync(_pool, [[4]]);
        Release(await dialled.ReceiveExactlyAsync(1));
    }

    private UdpLink Connect(string address, int port) => UdpLink.Connect(new IPEndPoint(IPAddress.Parse(address), port), Options);

    // Every client sends a run; all runs go back in one batch, so that segmentation has runs to different peers to take apart.
    private async Task AssertAnswersAsync(UdpLink server, string[] dialled, Func<string, int, UdpLink> connect)
    {
        const int PerClient = 30;
        int port = ((IPEndPoint)server.LocalEndPoint).Port;
        Assert.True(server.Statistics.TellsLocalAddress);
        UdpLink[] clients = [.. dialled.Select(address => connect(address, port))];
        PacketBuffer[] received = [];
        for (int i = 0; i < clients.Length; i++)
        {
            await clients[i].SendAsync(_pool, Enumerable.Range(0, PerClient).Select(n => Payload(new Random(n), 1000, (i << 8) | n)));
            received = [.. received, .. await server.ReceiveExactlyAsync(PerClient)];
        }

        for (int i = 0; i < received.Length; i++)
        {
            PeerAddress expected = PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.Parse(dialled[i / PerClient]), port));
            Assert.Equal(new DatagramPath(clients[i / PerClient].Address(), expected), received[i].Path);
        }

        long callsBefore = server.Statistics.SendCalls;
        await server.SendAsync(received);
        Assert.InRange(server.Statistics.SendCalls - callsBefore, 1, server.Statistics.SendOffload ? 1 : 4);
        Release(received);
        for (int i = 0; i < clients.Length; i++)
        {
            PacketBuffer[] answers = await clients[i].ReceiveExactlyAsync(PerClient);
            Assert.Equal(Enumerable.Range(0, PerClient).Select(n => (i << 8) | n), answers.Select(answer => BitConverter.ToInt32(answer.Payload)));
            Release(answers);
            await clients[i].DisposeAsync();
        }

        Assert.Equal(0, server.Statistics.SendSourceRefused);
        await server.DisposeAsync();
    }
}
