using System.Net;
using System.Net.Sockets;
using Causeway.Links;
using Causeway.Protocol;
using static Causeway.Tests.Links.LinkTesting;

namespace Causeway.Tests.Links;

public sealed class UdpLinkOptionsTests
{
    private static readonly IPEndPoint s_anyPort = new(IPAddress.Loopback, 0);

    public static TheoryData<string, UdpLinkOptions> BadOptions() => new()
    {
        { "SendBufferSize", new UdpLinkOptions { SendBufferSize = 0 } },
        { "ReceiveBufferSize", new UdpLinkOptions { ReceiveBufferSize = -1 } },
        { "Dscp", new UdpLinkOptions { Dscp = 64 } },
        { "Dscp", new UdpLinkOptions { Dscp = -1 } },
        { "MaxDatagramSize", new UdpLinkOptions { MaxDatagramSize = 63 } },
        { "MaxDatagramSize", new UdpLinkOptions { MaxDatagramSize = 65508 } },
        { "MaxReceiveBlocks", new UdpLinkOptions { MaxReceiveBlocks = 1 } },
        { "MaxReceiveBlocks", new UdpLinkOptions { MaxReceiveBlocks = 1025 } },
        { "Engine", new UdpLinkOptions { Engine = (UdpEngine)7 } },
        { "Pool", new UdpLinkOptions { Pool = null! } },
        { "Pool", new UdpLinkOptions { MaxDatagramSize = 2048 } },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void BadOptionIsNamed(string name, UdpLinkOptions options)
    {
        Assert.Equal(name, Assert.ThrowsAny<ArgumentException>(() => UdpLink.Bind(s_anyPort, options)).ParamName);
        Assert.Equal(name, Assert.ThrowsAny<ArgumentException>(() => UdpLink.Connect(s_anyPort, options)).ParamName);
    }

    [Fact]
    public void DualModeNeedsAnAnyAddress() =>
        Assert.Contains("127.0.0.1", Assert.Throws<ArgumentException>(
            () => UdpLink.Bind(s_anyPort, new UdpLinkOptions { DualMode = true })).Message, StringComparison.Ordinal);

    [Fact]
    public async Task LargestDatagramFitsTheTightestPool()
    {
        PacketPool pool = new(bufferSize: 1501, track: true);
        UdpLinkOptions options = new() { Pool = pool, MaxDatagramSize = 1500, Engine = UdpEngine.Portable };
        await using (UdpLink server = UdpLink.Bind(s_anyPort, options))
        await using (UdpLink client = UdpLink.Connect((IPEndPoint)server.LocalEndPoint, options))
        {
            PacketBuffer datagram = pool.Rent(headroom: 0);
            datagram.Append(1500).Fill(7);
            await client.SendAsync(new[] { datagram });
            datagram.Release();
            Release(await server.ReceiveExactlyAsync(1));
        }

        pool.ThrowIfOutstanding();
    }

    [Fact]
    public async Task SeveralLinksShareAPort()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        UdpLinkOptions options = new() { ReusePort = true };
        await using UdpLink first = UdpLink.Bind(s_anyPort, options);
        await using UdpLink second = UdpLink.Bind((IPEndPoint)first.LocalEndPoint, options);
        Assert.Equal(first.LocalEndPoint, second.LocalEndPoint);
        Assert.Throws<SocketException>(() => UdpLink.Bind((IPEndPoint)first.LocalEndPoint));
    }

    [Theory]
    [InlineData("127.0.0.1", 0, 1)]
    [InlineData("::1", 41, 67)]
    public async Task DscpIsTheUpperSixBits(string address, int level, int option)
    {
        if (!OperatingSystem.IsLinux() || (level == 41 && !HasIPv6()))
        {
            return;
        }

        byte[] value = new byte[4];
        UdpLinkOptions options = new()
        {
            Dscp = 46,
            ConfigureSocket = socket => socket.GetRawSocketOption(level, option, value),
        };
        await using UdpLink link = UdpLink.Bind(new IPEndPoint(IPAddress.Parse(address), 0), options);
        Assert.Equal(46 << 2, value[0]);
        Assert.Empty(link.Warnings);
    }

    [Fact]
    public async Task WhatTheSystemDoesNotGrantIsAWarning()
    {
        await using UdpLink link = UdpLink.Bind(s_anyPort, new UdpLinkOptions { ReceiveBufferSize = int.MaxValue });
        Assert.Contains(link.Warnings, warning => warning.Contains("ReceiveBufferSize", StringComparison.Ordinal));
    }
}
