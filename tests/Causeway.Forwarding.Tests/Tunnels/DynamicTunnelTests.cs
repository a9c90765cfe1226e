using System.Net;
using System.Net.Sockets;
using System.Text;
using Causeway.Forwarding.Tunnels;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class DynamicTunnelTests
{
    private const byte Connect = 1;
    private const byte UdpAssociate = 3;

    private static readonly byte[] s_noAuthentication = [5, 1, 0];
    private static readonly byte[] s_accepted = [5, 0];

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task SocksLeadsWhereItsUserSays(string host)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync("127.0.0.0/8:*");
        Socket socket = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], s_noAuthentication, s_accepted);

        Assert.Equal(0, (await socket.RequestAsync(Connect, host, PortOf(target))).Reply);

        await TunnelTests.EchoAsync(socket, Bytes.Random(200_000, seed: 1));
    }

    [Theory]
    [InlineData("192.0.2.1", 80, 2)] // not allowed
    [InlineData("127.0.0.1", 0, 5)] // refused, where 0 stands for a port that nobody listens on
    [InlineData("no-such-name.invalid", 80, 4)]
    public async Task SocksSaysWhyNot(string host, int port, byte reply)
    {
        await using TunnelPair pair = await StartAsync("127.0.0.0/8:*", "*.invalid:80");
        using Socket socket = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], s_noAuthentication, s_accepted);
        int actual = port == 0 ? ((IPEndPoint)TunnelTests.UnusedPort().EndPoint).Port : port;
        Assert.Equal(reply, (await socket.RequestAsync(Connect, host, actual)).Reply);
        Assert.Empty(await socket.ReceiveAllAsync());
        await pair.ClientLog.WaitForAsync(line => line.Contains($"got nowhere by the proxy: {host}:{actual}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("name", "secret", true)]
    [InlineData("name", "secres", false)]
    [InlineData("namf", "secret", false)]
    [InlineData("names", "ecret", false)]
    [InlineData("", "", false)]
    public async Task SocksAsksForNameAndPassword(string name, string password, bool isRight)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(forward => forward with { UserName = "name", Password = "secret" }, "*");
        Socket socket = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], [5, 2, 0, 2], [5, 2]);
        await socket.SendAllAsync((byte[])[1, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)password.Length, .. Encoding.ASCII.GetBytes(password)]);
        byte[] answer = await socket.ReceiveExactlyAsync(2);
        Assert.Equal(isRight, answer[1] == 0);
        if (isRight)
        {
            Assert.Equal(0, (await socket.RequestAsync(Connect, "127.0.0.1", PortOf(target))).Reply);
            await TunnelTests.EchoAsync(socket, Bytes.Random(1000, seed: 1));
        }
        else
        {
            Assert.Empty(await socket.ReceiveAllAsync());
            socket.Dispose();
        }
    }

    [Fact]
    public async Task WhoCannotAuthenticateIsRefused()
    {
        await using TunnelPair pair = await StartAsync(forward => forward with { UserName = "name", Password = "secret" }, "*");
        using Socket socket = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], s_noAuthentication, [5, 0xff]);
        Assert.Empty(await socket.ReceiveAllAsync());
    }

    [Theory]
    [InlineData("0401005000000001" + "00", "005B000000000000")] // SOCKS 4
    [InlineData("050100" + "05020001" + "7F0000010050", "0500" + "05070001000000000000")] // BIND
    [InlineData("050100" + "05010009" + "00", "0500" + "05080001000000000000")] // an address of type 9
    [InlineData("050100" + "0501000300" + "0050", "0500" + "05080001000000000000")] // a name of no characters
    [InlineData("050100" + "050100030120" + "0050", "0500" + "05080001000000000000")] // a name that is a space
    public async Task WhatIsNotSpokenIsAnswered(string sent, string answer)
    {
        await using TunnelPair pair = await StartAsync("*");
        using Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);
        await socket.SendAllAsync(Convert.FromHexString(sent));
        byte[] expected = Convert.FromHexString(answer);
        Assert.Equal(expected, await socket.ReceiveExactlyAsync(expected.Length));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1400)]
    [InlineData(9000)]
    public async Task DatagramsGoToWhateverTargetTheyName(int length)
    {
        await using UdpEcho first = new();
        await using UdpEcho second = new();
        await using TunnelPair pair = await StartAsync("udp:127.0.0.0/8:*");
        using Socket control = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], s_noAuthentication, s_accepted);
        (byte reply, IPEndPoint relay) = await control.RequestAsync(UdpAssociate, "0.0.0.0", 0);
        Assert.Equal(0, reply);
        using UdpPeer user = new(relay);

        await user.EchoAsync(Datagram(first, "127.0.0.1", length));
        await user.EchoAsync(Datagram(second, "localhost", length));

        Assert.Equal((1, 1), (first.Sources, second.Sources));
        Assert.Equal(2, pair.Client.TunnelStatistics.FlowsOpen);
        control.Shutdown(SocketShutdown.Send);
        await UdpTunnelTests.UntilAsync(() => pair.Server.TunnelStatistics.FlowsOpen == 0);
    }

    [Theory]
    [InlineData("")]
    [InlineData("000000")]
    [InlineData("000001" + "017F0000010035" + "AA")] // a fragment
    [InlineData("000000" + "017F00000100")] // half an address
    [InlineData("000000" + "0300" + "0035" + "AA")] // a name of no characters
    [InlineData("000000" + "0301FF" + "0035" + "AA")] // a name that is none
    public async Task DatagramsThatNameNoTargetAreDropped(string bytes)
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await StartAsync("udp:*");
        using Socket control = await ProxyUser.GreetAsync(pair.Client.LocalEndPoints[0], s_noAuthentication, s_accepted);
        (_, IPEndPoint relay) = await control.RequestAsync(UdpAssociate, "0.0.0.0", 0);
        using UdpPeer user = new(relay);
        await user.SendAsync(Convert.FromHexString(bytes));
        await UdpTunnelTests.UntilAsync(() => pair.Client.TunnelStatistics.DatagramsDropped == 1);
        await user.EchoAsync(Datagram(target, "127.0.0.1", 10));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task HttpConnectLeadsWhereItsUserSays(string host)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync("127.0.0.0/8:*");
        Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);

        // What comes in one go with the request belongs to the tunnel.
        await socket.SendAllAsync(Encoding.ASCII.GetBytes($"CONNECT {host}:{PortOf(target)} HTTP/1.1\r\nHost: x\r\n\r\nhello"));
        Assert.StartsWith("HTTP/1.1 200 ", await socket.ReceiveHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("hello", Encoding.ASCII.GetString(await socket.ReceiveExactlyAsync(5)));
        await TunnelTests.EchoAsync(socket, Bytes.Random(200_000, seed: 1));
    }

    [Theory]
    [InlineData("CONNECT 192.0.2.1:80 HTTP/1.1\r\n\r\n", "403", "not allowed")]
    [InlineData("CONNECT no-such-name.invalid:80 HTTP/1.1\r\n\r\n", "502", "name not found")]
    [InlineData("CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n", "400", "host:port")]
    [InlineData("CONNECT [::1:80 HTTP/1.1\r\n\r\n", "400", "host:port")]
    [InlineData("CONNECT a\tb:80 HTTP/1.1\r\n\r\n", "400", "host:port")]
    [InlineData("GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", "405", "CONNECT")]
    [InlineData("nonsense\r\n\r\n", "400", "HTTP/1.1")]
    public async Task HttpSaysWhyNot(string request, string status, string text)
    {
        await using TunnelPair pair = await StartAsync("127.0.0.0/8:*", "*.invalid:80");
        using Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);
        await socket.SendAllAsync(Encoding.ASCII.GetBytes(request));
        string answer = Encoding.ASCII.GetString(await socket.ReceiveAllAsync());
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains(text, answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Proxy-Authorization: Basic bmFtZTpzZWNyZXQ=\r\n", "200")] // name:secret
    [InlineData("proxy-authorization:basic bmFtZTpzZWNyZXQ=\r\n", "200")]
    [InlineData("Proxy-Authorization: Basic bmFtZTpzZWNyZXM=\r\n", "407")] // name:secres
    [InlineData("Proxy-Authorization: Basic !\r\n", "407")]
    [InlineData("Proxy-Authorization: Bearer x\r\n", "407")]
    [InlineData("", "407")]
    public async Task HttpAsksForNameAndPassword(string field, string status)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await StartAsync(forward => forward with { UserName = "name", Password = "secret" }, "*");
        using Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);
        await socket.SendAllAsync(Encoding.ASCII.GetBytes($"CONNECT {target.EndPoint} HTTP/1.1\r\n{field}\r\n"));
        Assert.StartsWith($"HTTP/1.1 {status} ", await socket.ReceiveHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AGreetingWithoutEndIsRefused()
    {
        await using TunnelPair pair = await StartAsync("*");
        using Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);
        await socket.SendAllAsync(Encoding.ASCII.GetBytes("CONNECT a:1 HTTP/1.1\r\n" + new string('x', 8192 - 22)));
        Assert.StartsWith("HTTP/1.1 400 ", await socket.ReceiveHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoBytesMakeItFailUnexpectedly()
    {
        await using TunnelPair pair = await StartAsync("127.0.0.1:1");
        byte[][] whole =
        [
            [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 1], [5, 1, 0, 5, 3, 0, 3, 1, 97, 0, 1], [4, 1, 0, 80, 0, 0, 0, 1, 0],
            "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(),
        ];
        Random random = new(53);
        for (int run = 0; run < 200; run++)
        {
            byte[] bytes = [.. whole[random.Next(whole.Length)]];
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            using Socket socket = await Sockets.ConnectAsync(pair.Client.LocalEndPoints[0]);
            await socket.SendAllAsync(bytes.AsMemory(0, random.Next(1, bytes.Length + 1)));
            socket.Shutdown(SocketShutdown.Send);
            try
            {
                await socket.ReceiveAllAsync();
            }
            catch (SocketException)
            {
                // A reset is an end too.
            }
        }

        Assert.DoesNotContain(pair.ClientLog.Lines, static line => line.StartsWith("unexpected", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("name", null)]
    [InlineData(null, "secret")]
    [InlineData("", "secret")]
    public async Task CredentialsAreValidated(string? userName, string? password)
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => TunnelClient.StartAsync(new TunnelClientOptions
        {
            Connection = static () => null!,
            DynamicForwards = [new DynamicForward { Listen = ForwardEndPoint.Parse("127.0.0.1:0"), UserName = userName, Password = password }],
        }).AsTask());
        Assert.Equal("UserName", error.ParamName);
    }

    [Fact]
    public void CredentialsAreNotShown() => Assert.DoesNotContain(
        "secret", new DynamicForward { Listen = ForwardEndPoint.Parse(":1"), UserName = "n", Password = "secret" }.ToString(), StringComparison.Ordinal);

    private static Task<TunnelPair> StartAsync(params string[] rules) => StartAsync(static forward => forward, rules);

    private static Task<TunnelPair> StartAsync(Func<DynamicForward, DynamicForward> configure, params string[] rules) => TunnelPair.StartAsync(
        server => server with { Tunnels = TunnelTests.Allow(rules) },
        client => client with { DynamicForwards = [configure(new DynamicForward { Listen = ForwardEndPoint.Parse("127.0.0.1:0") })] });

    private static int PortOf(EchoTarget target) => ((IPEndPoint)target.EndPoint.EndPoint).Port;

    private static byte[] Datagram(UdpEcho target, string host, int length) =>
        [0, 0, 0, .. ProxyUser.Address(host, ((IPEndPoint)target.EndPoint.EndPoint).Port), .. Bytes.Random(length, seed: length)];
}
