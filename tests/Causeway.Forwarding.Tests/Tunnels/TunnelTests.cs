using System.Net;
using System.Net.Sockets;
using System.Text;
using Causeway.Forwarding.Tunnels;
using Causeway.Forwarding.Tunnels.Wire;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class TunnelTests
{
    [Fact]
    public async Task SeveralTunnelsShareAConnection()
    {
        await using EchoTarget first = new();
        await using EchoTarget second = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("127.0.0.0/8:*"), To(first.EndPoint), To(second.EndPoint));

        await EchoAsync(await pair.ConnectAsync(0), Bytes.Random(300_000, seed: 1));
        await EchoAsync(await pair.ConnectAsync(1), Bytes.Random(300_000, seed: 2));

        Assert.Equal(1, pair.Client.Statistics.ConnectionsOpened);
        Assert.Equal((2, 0), (pair.Server.TunnelStatistics.Granted, pair.Server.TunnelStatistics.Refused));
    }

    [Fact]
    public async Task NothingIsAllowedUnlessARuleSaysSo()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("127.0.0.1:1"), To(target.EndPoint));

        Assert.Equal(SocketError.ConnectionReset, await ErrorOfAsync(pair.Client.LocalEndPoints[0]));
        await pair.ClientLog.WaitForAsync(line => line.Contains("not allowed", StringComparison.Ordinal) && line.Contains($"{target.EndPoint}", StringComparison.Ordinal));
        await pair.ServerLog.WaitForAsync(line => line.Contains($"asked for {target.EndPoint} and was refused: NotAllowed", StringComparison.Ordinal));
        Assert.Equal(1, pair.Server.TunnelStatistics.Refused);
    }

    [Fact]
    public async Task ARefusalAtTheTargetIsAResetHereAndALineThatSaysWhy()
    {
        ForwardEndPoint closed = UnusedPort();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*"), To(closed));

        Assert.Equal(SocketError.ConnectionReset, await ErrorOfAsync(pair.Client.LocalEndPoints[0], Bytes.Random(5000, seed: 3)));
        await pair.ClientLog.WaitForAsync(line => line.Contains($"did not get to {closed}", StringComparison.Ordinal)
            && line.Contains("connect refused", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AResetAtTheTargetIsAResetHere()
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*"), To(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!)));
        using Socket socket = await pair.ConnectAsync();
        Socket accepted = await listener.AcceptAsync().Guarded();
        await accepted.SendAllAsync("part"u8.ToArray());
        await socket.ReceiveExactlyAsync(4);

        accepted.CloseWithReset();

        Assert.Equal(SocketError.ConnectionReset, await socket.ReceiveErrorAsync());
    }

    [Fact]
    public async Task AnEndOfOneDirectionIsThat()
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*"), To(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!)));
        using Socket socket = await pair.ConnectAsync();
        await socket.SendAllAsync("request"u8.ToArray());
        socket.Shutdown(SocketShutdown.Send);
        using Socket accepted = await listener.AcceptAsync().Guarded();

        Assert.Equal("request", Encoding.ASCII.GetString(await accepted.ReceiveAllAsync()));
        await accepted.SendAllAsync("answer"u8.ToArray());
        accepted.Shutdown(SocketShutdown.Send);
        Assert.Equal("answer", Encoding.ASCII.GetString(await socket.ReceiveAllAsync()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ATargetLearnsWhoConnects(bool serverKnowsTunnels)
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Target = ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!), SendsProxyHeader = true },
            client => client with { Forwards = [new TunnelForward { Listen = ForwardEndPoint.Parse("127.0.0.1:0") }] },
            serverKnowsTunnels ? null : [Causeway.Quic.ClientAuthentication.DefaultProtocol]);
        using Socket socket = await pair.ConnectAsync();
        await socket.SendAllAsync("hello"u8.ToArray());
        using Socket accepted = await listener.AcceptAsync().Guarded();
        byte[] header = await accepted.ReceiveExactlyAsync(28);
        Assert.Equal(ProxyHeader.For(new IPEndPoint(IPAddress.Loopback, (header[24] << 8) | header[25]), pair.Server.LocalEndPoints[0]), header);
        Assert.NotEqual(0, header[24] + header[25]);
        Assert.Equal("hello", Encoding.ASCII.GetString(await accepted.ReceiveExactlyAsync(5)));
    }

    [Fact]
    public async Task IPv6StandsInBrackets()
    {
        if (!Socket.OSSupportsIPv6)
        {
            return;
        }

        using Socket listener = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        listener.Listen(1);
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("[::1]:*"), TunnelForward.Parse($"[::1]:0:{listener.LocalEndPoint}"));
        using Socket socket = await pair.ConnectAsync();
        await socket.SendAllAsync("six"u8.ToArray());
        using Socket accepted = await listener.AcceptAsync().Guarded();
        Assert.Equal("six", Encoding.ASCII.GetString(await accepted.ReceiveExactlyAsync(3)));
    }

    [Fact]
    public async Task AnAddressThatDoesNotAnswerLeavesTimeForTheNext()
    {
        // A listener whose queue is full drops what would connect: two fit one of length zero on Linux, and three are sure to fill it.
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using Socket silent = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        Socket[] fillers = [.. Enumerable.Range(0, 3).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))];
        Task[] filling = Array.ConvertAll(fillers, filler => filler.ConnectAsync(silent.LocalEndPoint!));
        await filling[0].Guarded();
        await using EchoTarget target = new();
        TimeSpan timeout = TimeSpan.FromSeconds(2);
        ForwardPlaces places = new(new TunnelClientOptions { Connection = static () => null! }, others: 0);
        using ForwardTable.Forward forward = places.Table.TryAdd(TimeSpan.FromSeconds(60), TimeProvider.System)!;

        DialResult result = await new TargetDialer(places, timeout).DialAsync(
            [ForwardEndPoint.From((IPEndPoint)silent.LocalEndPoint!), target.EndPoint], forward).Guarded();

        Assert.Equal(target.EndPoint.EndPoint, result.Socket?.RemoteEndPoint);
        result.Socket?.Dispose();
        Array.ForEach(fillers, static filler => filler.Dispose());
        await Task.WhenAll(filling).ContinueWith(static _ => { }, TaskScheduler.Default).Guarded();
    }

    [Fact]
    public async Task ANameIsNotLookedUpWhereNoRuleIsAboutAddresses()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("other.example:80"));
        TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(
            () => pair.Client.ConnectAsync(ForwardEndPoint.Parse("localhost:80")).Guarded());
        Assert.Equal(TunnelRefusal.NotAllowed, error.Reason);
    }

    [Fact]
    public async Task ATargetThatSpeaksFirstIsHeard()
    {
        using Socket listener = Sockets.Listen();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*"), To(ForwardEndPoint.From((IPEndPoint)listener.LocalEndPoint!)));
        using Socket socket = await pair.ConnectAsync();
        using Socket accepted = await listener.AcceptAsync().Guarded();
        await accepted.SendAllAsync("SSH-2.0"u8.ToArray());
        Assert.Equal("SSH-2.0", Encoding.ASCII.GetString(await socket.ReceiveExactlyAsync(7)));
    }

    [Theory]
    [InlineData("localhost:*", true)]
    [InlineData("127.0.0.0/8:*", true)]
    [InlineData("192.0.2.0/24:*", false)]
    [InlineData("other.example:*", false)]
    public async Task ANameIsAllowedByItselfOrByItsAddresses(string rule, bool isAllowed)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow(rule));
        int port = ((IPEndPoint)target.EndPoint.EndPoint).Port;
        ValueTask<CausewayStream> connecting = pair.Client.ConnectAsync(ForwardEndPoint.Parse($"localhost:{port}"));
        if (isAllowed)
        {
            await using CausewayStream stream = await connecting.Guarded();
            await stream.WriteAsync("hello"u8.ToArray(), completeWrites: true).Guarded();
            Assert.Equal("hello", await new StreamReader(stream).ReadToEndAsync().Guarded());
        }
        else
        {
            TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(() => connecting.Guarded());
            Assert.Equal(TunnelRefusal.NotAllowed, error.Reason);
        }
    }

    [Theory]
    [InlineData("no-such-name.invalid:80", TunnelRefusal.NameNotFound)]
    [InlineData("/no/such/socket", TunnelRefusal.Unreachable)]
    public async Task WhatCannotBeReachedSaysWhy(string target, TunnelRefusal reason)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*", "/no/such/socket"));
        TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(
            () => pair.Client.ConnectAsync(ForwardEndPoint.Parse(target)).Guarded());
        Assert.Equal(reason, error.Reason);
        Assert.Equal(1, pair.Client.TunnelStatistics.Refused);
    }

    [Fact]
    public async Task WhoeverMayNotReachANameIsNotToldWhetherThereIsOne()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("192.0.2.1:80"));
        TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(
            () => pair.Client.ConnectAsync(ForwardEndPoint.Parse("no-such-name.invalid:80")).Guarded());
        Assert.Equal(TunnelRefusal.NotAllowed, error.Reason);
    }

    [Fact]
    public async Task UnixSocketsAreEndsLikeOthers()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string near = Path.Combine(folder, "near.sock");
            string far = Path.Combine(folder, "far.sock");
            using Socket listener = ForwardEndPoint.Parse(far).Listen(1);
            await using (TunnelPair pair = await TunnelPair.StartAsync(Allow(far), TunnelForward.Parse($"{near}:{far}")))
            {
                using Socket socket = await pair.ConnectAsync();
                await socket.SendAllAsync("over files"u8.ToArray());
                using Socket accepted = await listener.AcceptAsync().Guarded();
                Assert.Equal("over files", Encoding.ASCII.GetString(await accepted.ReceiveExactlyAsync(10)));
            }

            Assert.False(File.Exists(near));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ATunnelWithoutTargetLeadsToTheServersOwn(bool serverKnowsTunnels)
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Target = target.EndPoint },
            client => client with { Forwards = [new TunnelForward { Listen = ForwardEndPoint.Parse("127.0.0.1:0") }] },
            serverKnowsTunnels ? null : [Causeway.Quic.ClientAuthentication.DefaultProtocol]);

        await EchoAsync(await pair.ConnectAsync(), Bytes.Random(100_000, seed: 4));
    }

    [Fact]
    public async Task AServerThatKnowsNoTunnelsRefusesThemHere()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Target = target.EndPoint },
            serverProtocols: [Causeway.Quic.ClientAuthentication.DefaultProtocol]);
        TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(() => pair.Client.ConnectAsync(target.EndPoint).Guarded());
        Assert.Equal(TunnelRefusal.Unsupported, error.Reason);
    }

    [Theory]
    [InlineData("02010000", TunnelRefusal.Unsupported)]
    [InlineData("01010000", TunnelRefusal.Malformed)]
    [InlineData("01010001FF", TunnelRefusal.Malformed)]
    [InlineData("0163000100", TunnelRefusal.Unsupported)]
    public async Task GarbageIsAnsweredWithAReason(string bytes, TunnelRefusal reason)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*"));
        await using CausewayConnection connection = await pair.ConnectBareAsync().Guarded();
        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        await stream.WriteAsync(Convert.FromHexString(bytes)).Guarded();

        (TunnelFrame? answer, _, _) = await TunnelFrameReader.ReadAsync(stream, default).Guarded();

        Assert.Equal((byte)reason, answer?.Code);
        Assert.Equal(0, await stream.ReadAsync(new byte[1]).Guarded());
    }

    [Fact]
    public async Task AStreamThatSaysNothingIsGivenUp()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Allow("*") with { RequestTimeout = TimeSpan.FromMilliseconds(20) });
        await using CausewayConnection connection = await pair.ConnectBareAsync().Guarded();
        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        await stream.WriteAsync(new byte[1]).Guarded();
        await Assert.ThrowsAsync<TransportException>(() => stream.ReadAsync(new byte[1]).Guarded());
    }

    [Fact]
    public async Task AFullServerSaysSo()
    {
        await using EchoTarget target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(server => server with
        {
            Tunnels = Allow("*"),
            MaxForwards = 1,
            ConnectTimeout = TimeSpan.FromMilliseconds(300),
        });
        await using CausewayStream first = await pair.Client.ConnectAsync(target.EndPoint).Guarded();
        TunnelRefusedException error = await Assert.ThrowsAsync<TunnelRefusedException>(() => pair.Client.ConnectAsync(target.EndPoint).Guarded());
        Assert.Equal(TunnelRefusal.LimitReached, error.Reason);
    }

    [Fact]
    public async Task OptionsAreValidated()
    {
        Func<CausewayClientOptions> connection = static () => null!;
        ForwardEndPoint port = ForwardEndPoint.Parse("127.0.0.1:0");
        Assert.Equal("ConnectTimeout", (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => TunnelClient.StartAsync(
            new TunnelClientOptions { Connection = connection, ConnectTimeout = TimeSpan.Zero }).AsTask())).ParamName);
        await Assert.ThrowsAsync<ArgumentException>(() => TunnelClient.StartAsync(
            new TunnelClientOptions { Connection = connection, ReverseForwards = [new TunnelForward { Listen = port }] }).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => TunnelClient.StartAsync(
            new TunnelClientOptions { Connection = connection, Forwards = [new TunnelForward { Listen = port, SendsProxyHeader = true }] }).AsTask());
        Assert.Equal("Target", (await Assert.ThrowsAsync<ArgumentException>(() => ForwardServer.StartAsync(
            new ForwardServerOptions { Listeners = [null!] }).AsTask())).ParamName);
        Assert.Equal("RequestTimeout", (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ForwardServer.StartAsync(
            new ForwardServerOptions { Listeners = [null!], Target = port, Tunnels = new TunnelPolicy { RequestTimeout = TimeSpan.Zero } }).AsTask())).ParamName);
    }

    [Fact]
    public async Task APortInUseIsSaidAndNothingStaysOpen()
    {
        using Socket taken = Sockets.Listen();
        TunnelForward free = new() { Listen = ForwardEndPoint.Parse("127.0.0.1:0") };
        TunnelForward used = new() { Listen = ForwardEndPoint.From((IPEndPoint)taken.LocalEndPoint!) };
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => TunnelClient.StartAsync(
            new TunnelClientOptions { Connection = static () => null!, Forwards = [free, used] }).AsTask());
        Assert.Equal(TransportError.AddressUnavailable, error.Error);
        Assert.Contains($"{taken.LocalEndPoint}", error.Message, StringComparison.Ordinal);
    }

    internal static TunnelPolicy Allow(params string[] rules) => new() { Targets = [.. rules.Select(TunnelTargetRule.Parse)] };

    internal static TunnelForward To(ForwardEndPoint target) => new() { Listen = ForwardEndPoint.Parse("127.0.0.1:0"), Target = target };

    internal static ForwardEndPoint UnusedPort()
    {
        using Socket socket = Sockets.Listen();
        return ForwardEndPoint.From((IPEndPoint)socket.LocalEndPoint!);
    }

    /// <summary>How a connection breaks, which may be while it is made.</summary>
    internal static async Task<SocketError?> ErrorOfAsync(EndPoint address, byte[]? request = null)
    {
        try
        {
            using Socket socket = await Sockets.ConnectAsync(address);
            await socket.SendAllAsync(request ?? []);
            await socket.ReceiveAllAsync();
            return null;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.Shutdown ? SocketError.ConnectionReset : error.SocketErrorCode;
        }
    }

    internal static async Task EchoAsync(Socket socket, byte[] bytes)
    {
        using (socket)
        {
            Task<byte[]> receiving = socket.ReceiveAllAsync();
            await socket.SendAllAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            byte[] received = await receiving.Guarded();
            Assert.True(received.AsSpan().SequenceEqual(bytes));
        }
    }
}
