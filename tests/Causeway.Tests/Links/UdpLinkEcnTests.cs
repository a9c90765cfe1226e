using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Links.Udp.Linux;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

/// <summary>Congestion bits over real sockets, which only the engine of Linux carries.</summary>
public sealed class UdpLinkEcnTests : IDisposable
{
    private const int SolSocket = 1;
    private const int SoNoChecksum = 11;

    // Runs, single ones, all codepoints.
    private static readonly EcnCodepoint[] s_codepoints =
    [
        EcnCodepoint.NotCapable, EcnCodepoint.Capable0, EcnCodepoint.Capable0, EcnCodepoint.Capable0,
        EcnCodepoint.CongestionExperienced, EcnCodepoint.Capable1, EcnCodepoint.NotCapable, EcnCodepoint.NotCapable,
        EcnCodepoint.CongestionExperienced, EcnCodepoint.CongestionExperienced, EcnCodepoint.Capable0,
    ];

    private readonly PacketPool _pool = new(track: true);
    private readonly PacketPool _blocks = new(bufferSize: 65536, track: true);

    private UdpLinkOptions Options =>
        new() { Engine = UdpEngine.Linux, Pool = _pool, BlockPool = _blocks, ReceiveBufferSize = 4 << 20 };

    public void Dispose()
    {
        _pool.ThrowIfOutstanding();
        _blocks.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.0.0.1", false)]
    [InlineData("::1", "::1", true)]
    [InlineData("::1", "::1", false)]
    [InlineData("::", "127.0.0.1", true)]
    [InlineData("::", "::1", true)]
    [InlineData("::", "::1", false)]
    [InlineData("::", "127.0.0.1", false)]
    public async Task EachDatagramKeepsItsBits(string bind, string connect, bool offload)
    {
        if (!OperatingSystem.IsLinux() || (bind.Contains(':', StringComparison.Ordinal) && !HasIPv6()))
        {
            return;
        }

        UdpLinkOptions options = Options with { SegmentationOffload = offload, Dscp = 10 };
        await using UdpLink server = UdpLink.Bind(
            new IPEndPoint(IPAddress.Parse(bind), 0), options with { DualMode = bind == "::" });
        int port = ((IPEndPoint)server.LocalEndPoint).Port;
        await using UdpLink client = UdpLink.Connect(new IPEndPoint(IPAddress.Parse(connect), port), options);
        Assert.True(server.Statistics is { SendsEcn: true, ReceivesEcn: true });
        Assert.True(client.Statistics is { SendsEcn: true, ReceivesEcn: true });

        // Enough of a kind for blocks that are handed out in views, and few enough for such that are copied.
        foreach (int repeat in (int[])[1, 12])
        {
            EcnCodepoint[] sent = [.. s_codepoints.SelectMany(codepoint => Enumerable.Repeat(codepoint, repeat))];
            PacketBuffer[] batch = [.. sent.Select(codepoint => Marked(codepoint))];
            await client.SendAsync(batch).AsTask().WaitAsync(Patience);
            Release(batch);
            PacketBuffer[] received = await server.ReceiveExactlyAsync(sent.Length);
            Assert.Equal(sent, received.Select(static buffer => buffer.Ecn));

            // Back to where they came from, with the bits that they have.
            await server.SendAsync(received).AsTask().WaitAsync(Patience);
            Release(received);
            PacketBuffer[] echoed = await client.ReceiveExactlyAsync(sent.Length);
            Assert.Equal(sent, echoed.Select(static buffer => buffer.Ecn));
            Release(echoed);
        }
    }

    [Fact]
    public async Task RunsOfEqualBitsLeaveInOneCall()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options);
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, Options);
        PacketBuffer[] batch = [.. Enumerable.Repeat(0, 60).Select(_ => Marked(EcnCodepoint.Capable0))];
        await client.SendAsync(batch).AsTask().WaitAsync(Patience);
        Release(batch);
        PacketBuffer[] received = await server.ReceiveExactlyAsync(60);
        Assert.All(received, static buffer => Assert.Equal(EcnCodepoint.Capable0, buffer.Ecn));
        Release(received);
        Assert.Equal(1, client.Statistics.SendCalls);
        Assert.InRange(server.Statistics.ReceiveCalls, 1, 3);
    }

    [Theory]
    [InlineData("127.0.0.1", 0)]
    [InlineData("127.0.0.1", 46)]
    [InlineData("::1", 46)]
    public async Task TheOtherSixBitsAreThoseOfDscp(string address, int dscp)
    {
        if (!OperatingSystem.IsLinux() || !HasIPv6())
        {
            return;
        }

        bool isIPv6 = address.Contains(':', StringComparison.Ordinal);
        TrafficClass? octet = null;
        UdpLinkOptions options = Options with
        {
            Dscp = dscp,
            ConfigureSocket = socket => octet = new TrafficClass(socket),
        };
        await using UdpLink link = UdpLink.Bind(new IPEndPoint(IPAddress.Parse(address), 0), options);
        Assert.Equal(dscp << 2, octet!.OctetOf(EcnCodepoint.NotCapable, isIPv6));
        Assert.Equal((dscp << 2) | 2, octet.OctetOf(EcnCodepoint.Capable0, isIPv6));
        Assert.Equal(isIPv6, octet.IsIPv6For(link.Address()));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task WhatLeavesByAWaitHasTheBitsOfTheSocket(string address)
    {
        if (!OperatingSystem.IsLinux() || !HasIPv6())
        {
            return;
        }

        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Parse(address), 0), Options);
        using Socket socket = new(((IPEndPoint)server.LocalEndPoint).AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(server.LocalEndPoint);
        TrafficClass octet = new(socket);
        bool isIPv6 = octet.IsIPv6For(server.Address());
        EcnCodepoint[] codepoints = [EcnCodepoint.Capable0, EcnCodepoint.NotCapable, EcnCodepoint.CongestionExperienced];
        foreach (EcnCodepoint codepoint in codepoints)
        {
            Assert.True(octet.TrySet(codepoint, isIPv6));
            socket.Send([1]);
        }

        PacketBuffer[] received = await server.ReceiveExactlyAsync(codepoints.Length);
        Assert.Equal(codepoints, received.Select(static buffer => buffer.Ecn));
        Release(received);
    }

    [Fact]
    public async Task WhatTheApplicationGaveTheSocketIsClearedOfCongestionBits()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        UdpLinkOptions options = Options with
        {
            ConfigureSocket = static socket => socket.SetRawSocketOption(0, 1, BitConverter.GetBytes((46 << 2) | 3)),
        };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options);
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, options);
        await client.SendAsync(_pool, [[1]]);
        PacketBuffer received = Assert.Single(await server.ReceiveExactlyAsync(1));
        Assert.Equal(EcnCodepoint.NotCapable, received.Ecn);
        received.Release();
    }

    [Fact]
    public async Task RefusedControlMessagesAreLeftOutAndNothingIsLost()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // A socket without checksums cannot segment, and the kernel does not say what of a message it did not like.
        UdpLinkOptions options = Options with
        {
            ConfigureSocket = static socket =>
                socket.SetRawSocketOption(SolSocket, SoNoChecksum, BitConverter.GetBytes(1)),
        };
        await using UdpLink server = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options);
        await using UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, options);
        PacketBuffer[] batch = [.. Enumerable.Repeat(0, 60).Select(_ => Marked(EcnCodepoint.Capable0))];
        await client.SendAsync(batch).AsTask().WaitAsync(Patience);
        Release(batch);
        Release(await server.ReceiveExactlyAsync(60));
        Assert.True(client.Statistics is { SendsEcn: false, SendOffload: false, DatagramsSent: 60, SendRefused: 0 });
    }

    [Theory]
    [InlineData(UdpEngine.Linux, false)]
    [InlineData(UdpEngine.Portable, true)]
    public async Task WithoutItNothingIsSetAndNothingIsRead(UdpEngine engine, bool ecn)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        UdpLinkOptions without = Options with { Engine = engine, Ecn = ecn };
        await using UdpLink reader = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), Options);
        await using UdpLink mute = UdpLink.Connect((IPEndPoint)reader.LocalEndPoint, without);
        await using UdpLink deaf = UdpLink.Bind(new IPEndPoint(IPAddress.Loopback, 0), without);
        await using UdpLink speaker = UdpLink.Connect((IPEndPoint)deaf.LocalEndPoint, Options);
        Assert.True(deaf.Statistics is { SendsEcn: false, ReceivesEcn: false });
        foreach ((UdpLink from, UdpLink to) in ((UdpLink, UdpLink)[])[(mute, reader), (speaker, deaf)])
        {
            PacketBuffer[] batch = [Marked(EcnCodepoint.Capable0), Marked(EcnCodepoint.CongestionExperienced)];
            await from.SendAsync(batch).AsTask().WaitAsync(Patience);
            Release(batch);
            PacketBuffer[] received = await to.ReceiveExactlyAsync(2);
            Assert.All(received, static buffer => Assert.Equal(EcnCodepoint.NotCapable, buffer.Ecn));
            Release(received);
        }
    }

    private PacketBuffer Marked(EcnCodepoint codepoint)
    {
        PacketBuffer datagram = _pool.Rent();
        datagram.Append(1200).Fill((byte)codepoint);
        datagram.Ecn = codepoint;
        return datagram;
    }
}
