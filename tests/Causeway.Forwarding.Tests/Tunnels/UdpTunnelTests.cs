using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;
using Causeway.Forwarding.Tunnels.Wire;
using Causeway.TestKit;

namespace Causeway.Forwarding.Tests.Tunnels;

public sealed class UdpTunnelTests
{
    private static readonly TimeSpan s_idle = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task PayloadsOfEveryLengthOfWireGuardArriveWhole()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"), To(target.EndPoint));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        for (int length = 1; length <= 1400; length += length < 1100 ? 37 : 1)
        {
            await peer.EchoAsync(Bytes.Random(length, seed: length));
        }

        TunnelStatistics there = pair.Client.TunnelStatistics;
        Assert.Equal((1, 1, 0, 0), (there.FlowsOpened, there.FlowsOpen, there.DatagramsTooLong, there.DatagramsMalformed));
        Assert.Equal(1, target.Sources);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1500)]
    [InlineData(9000)]
    [InlineData(65507)]
    public async Task LongAndEmptyPayloadsArriveWhole(int length)
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"), To(target.EndPoint));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        for (int i = 0; i < 20; i++)
        {
            await peer.EchoAsync(Bytes.Random(length, seed: i));
        }
    }

    [Fact]
    public async Task EachSourceHasAFlowOfItsOwn()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"), To(target.EndPoint));
        UdpPeer[] peers = [.. Enumerable.Range(0, 20).Select(_ => new UdpPeer(pair.Client.LocalEndPoints[0]))];
        await Task.WhenAll(peers.Select((peer, i) => peer.EchoAsync(Bytes.Random(500 + i, seed: i))));

        Assert.Equal(20, target.Sources);
        Assert.Equal(20, pair.Server.TunnelStatistics.FlowsOpen);
        Array.ForEach(peers, static peer => peer.Dispose());
    }

    [Fact]
    public async Task AQuietFlowEndsAtBothEndsAndTheNextDatagramBeginsAnother()
    {
        VirtualTimeProvider time = new();
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Tunnels = TunnelTests.Allow("udp:*") },
            client => client with { Forwards = [To(target.EndPoint)], TimeProvider = time });
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.EchoAsync(Bytes.Random(100, seed: 1));
        time.Advance(s_idle * 0.9);
        await peer.EchoAsync(Bytes.Random(101, seed: 1));
        time.Advance(s_idle * 0.9);
        Assert.Equal(1, pair.Client.TunnelStatistics.FlowsOpen);

        time.Advance(s_idle);

        Assert.Equal(0, pair.Client.TunnelStatistics.FlowsOpen);
        await UntilAsync(() => pair.Server.TunnelStatistics.FlowsOpen == 0);
        await peer.EchoAsync(Bytes.Random(102, seed: 1));
        Assert.Equal(2, target.Sources);
    }

    [Fact]
    public async Task AServerEndsFlowsThatAreQuietThere()
    {
        VirtualTimeProvider time = new();
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Tunnels = TunnelTests.Allow("udp:*"), TimeProvider = time },
            client => client with { Forwards = [To(target.EndPoint)] });
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.EchoAsync(Bytes.Random(100, seed: 1));

        time.Advance(s_idle + (s_idle / 4));

        await UntilAsync(() => pair.Client.TunnelStatistics.FlowsOpen == 0);
        await peer.EchoAsync(Bytes.Random(101, seed: 1));
    }

    [Fact]
    public async Task FlowsBeyondTheLimitAreDroppedAndCounted()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Tunnels = TunnelTests.Allow("udp:*") },
            client => client with { Forwards = [To(target.EndPoint)], Datagrams = new TunnelDatagramOptions { MaxFlows = 1 } });
        using UdpPeer first = new(pair.Client.LocalEndPoints[0]);
        using UdpPeer second = new(pair.Client.LocalEndPoints[0]);
        await first.EchoAsync(Bytes.Random(100, seed: 1));
        await second.SendAsync(new byte[10]);
        await UntilAsync(() => pair.Client.TunnelStatistics.FlowsRefused == 1);
        await first.EchoAsync(Bytes.Random(101, seed: 1));
        Assert.Equal(1, target.Sources);
    }

    [Fact]
    public async Task AServerLimitsTheFlowsOfAClient()
    {
        await using UdpEcho target = new();
        TunnelPolicy policy = TunnelTests.Allow("udp:*") with { Datagrams = new TunnelDatagramOptions { MaxFlows = 1 } };
        await using TunnelPair pair = await TunnelPair.StartAsync(policy, To(target.EndPoint));
        using UdpPeer first = new(pair.Client.LocalEndPoints[0]);
        using UdpPeer second = new(pair.Client.LocalEndPoints[0]);
        await first.EchoAsync(Bytes.Random(100, seed: 1));
        await second.SendAsync(new byte[10]);
        await pair.ClientLog.WaitForAsync(line => line.Contains("limit reached", StringComparison.Ordinal));
        await first.EchoAsync(Bytes.Random(101, seed: 1));
    }

    [Fact]
    public async Task UdpNeedsARuleOfItsOwn()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("tcp:*"), To(target.EndPoint));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.SendAsync(new byte[10]);
        await pair.ServerLog.WaitForAsync(line => line.Contains($"asked for {target.EndPoint}/udp and was refused: NotAllowed", StringComparison.Ordinal));
        await pair.ClientLog.WaitForAsync(line => line.Contains("not allowed", StringComparison.Ordinal));

        // What comes while it is refused does not ask again.
        await peer.SendAsync(new byte[11]);
        await UntilAsync(() => pair.Client.TunnelStatistics.DatagramsDropped > 0);
        Assert.Equal(1, pair.Client.TunnelStatistics.Refused);
        Assert.Equal(0, target.Sources);
    }

    [Fact]
    public async Task TheServersOwnTargetTakesDatagramsToo()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with { Target = target.EndPoint },
            client => client with { Forwards = [new TunnelForward { Listen = ForwardEndPoint.Parse("127.0.0.1:0"), IsUdp = true }] });
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.EchoAsync(Bytes.Random(100, seed: 1));
    }

    [Fact]
    public async Task ATargetThatIsNotThereYetIsReachedOnceItIs()
    {
        ForwardEndPoint address;
        using (Socket free = UdpPeer.Bind())
        {
            address = ForwardEndPoint.From((IPEndPoint)free.LocalEndPoint!);
        }

        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"), To(address));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.SendAsync(new byte[10]);
        await UntilAsync(() => pair.Server.TunnelStatistics.DatagramsReceived == 1);
        using Socket late = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        late.Bind(address.EndPoint);
        byte[] buffer = new byte[100];
        Assert.Equal(11, await AgainAsync(
            () => peer.SendAsync(new byte[11]), async token => await late.ReceiveAsync(buffer, SocketFlags.None, token)));
    }

    [Fact]
    public async Task FlowsGoOnAfterTheServerWasRestarted()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"), To(target.EndPoint));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        await peer.EchoAsync(Bytes.Random(100, seed: 1));
        await pair.RestartServerAsync();
        await peer.EchoAsync(Bytes.Random(101, seed: 1));
    }

    [Fact]
    public async Task GarbageIsCountedAndHarmsNoFlow()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"));
        await using CausewayConnection connection = await pair.ConnectBareAsync().Guarded();
        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        await stream.WriteAsync(TunnelFrame.Request(TunnelKind.Datagrams, target.EndPoint.EndPoint).ToBytes()).Guarded();
        Assert.Equal(TunnelFrame.Granted, (await TunnelFrameReader.ReadAsync(stream, default).Guarded()).Frame?.Code);
        Random random = new(47);
        for (int i = 0; i < 2000; i++)
        {
            byte[] datagram = new byte[random.Next(40)];
            random.NextBytes(datagram);
            if (datagram.Length > 5 && i % 2 == 0)
            {
                // Of this flow, and of a form that there is.
                TunnelDatagram.WriteWhole(datagram, (uint)stream.Id);
                datagram[4] = (byte)random.Next(2);
            }

            await connection.SendDatagramAsync(datagram).Guarded();
        }

        byte[] whole = Bytes.Random(TunnelDatagram.WholeHeaderLength + 100, seed: 1);
        TunnelDatagram.WriteWhole(whole, (uint)stream.Id);
        byte[] got = new byte[2000];
        await AgainAsync(
            () => connection.SendDatagramAsync(whole).Guarded(),
            async token =>
            {
                int length;
                do
                {
                    length = await connection.ReceiveDatagramAsync(got, token);
                }
                while (!got.AsSpan(0, length).SequenceEqual(whole));

                return length;
            });

        Assert.NotEqual(0, pair.Server.TunnelStatistics.DatagramsMalformed);
        Assert.Equal(1, pair.Server.TunnelStatistics.FlowsOpen);
    }

    [Fact]
    public async Task ADatagramThatOvertakesItsStreamIsDelivered()
    {
        await using UdpEcho target = new();
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"));
        await using CausewayConnection connection = await pair.ConnectBareAsync().Guarded();
        await using CausewayStream stream = await connection.OpenStreamAsync().Guarded();
        byte[] datagram = Bytes.Random(TunnelDatagram.WholeHeaderLength + 100, seed: 1);
        TunnelDatagram.WriteWhole(datagram, (uint)stream.Id);
        await connection.SendDatagramAsync(datagram).Guarded();

        // By now the datagram is the older one of the two, and leaves first.
        await stream.WriteAsync(TunnelFrame.Request(TunnelKind.Datagrams, target.EndPoint.EndPoint).ToBytes()).Guarded();

        byte[] got = new byte[2000];
        int length = await connection.ReceiveDatagramAsync(got).Guarded();
        Assert.True(got.AsSpan(0, length).SequenceEqual(datagram));
    }

    [Fact]
    public async Task DatagramsOfNoFlowAreKeptInSmallNumber()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("udp:*"));
        await using CausewayConnection connection = await pair.ConnectBareAsync().Guarded();
        byte[] datagram = new byte[100];
        TunnelDatagram.WriteWhole(datagram, 4000);
        int sent = 0;
        while (pair.Server.TunnelStatistics.DatagramsDropped < 10)
        {
            await connection.SendDatagramAsync(datagram).Guarded();
            if (++sent % 50 == 0)
            {
                await Task.Delay(5);
            }
        }

        Assert.True(sent > 64);
        Assert.Equal(0, pair.Server.TunnelStatistics.DatagramsReceived);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("[::1]", false)]
    public async Task ANameOfBothFamiliesIsReachedByIPv4(string host, bool isReached)
    {
        await using UdpEcho target = new();
        int port = ((IPEndPoint)target.EndPoint.EndPoint).Port;
        await using TunnelPair pair = await TunnelPair.StartAsync(TunnelTests.Allow("*"), To(ForwardEndPoint.Parse($"{host}:{port}")));
        using UdpPeer peer = new(pair.Client.LocalEndPoints[0]);
        if (isReached)
        {
            await peer.EchoAsync(Bytes.Random(100, seed: 1));
        }
        else
        {
            await peer.SendAsync(new byte[100]);
            await UntilAsync(() => pair.Server.TunnelStatistics.DatagramsReceived + pair.Client.TunnelStatistics.Refused > 0);
            Assert.Equal(0, target.Sources);
        }
    }

    [Theory]
    [InlineData(0, 120, 1000, 1 << 20, "MaxFlows")]
    [InlineData(1, 0.5, 1000, 1 << 20, "IdleTimeout")]
    [InlineData(1, 120, 1, 1 << 20, "ReassemblyTimeout")]
    [InlineData(1, 120, 1000, 1000, "ReassemblyMemory")]
    public async Task OptionsAreValidated(int flows, double idleSeconds, int reassemblyMilliseconds, int memory, string named)
    {
        TunnelDatagramOptions options = new()
        {
            MaxFlows = flows,
            IdleTimeout = TimeSpan.FromSeconds(idleSeconds),
            ReassemblyTimeout = TimeSpan.FromMilliseconds(reassemblyMilliseconds),
            ReassemblyMemory = memory,
        };
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => TunnelClient.StartAsync(
            new TunnelClientOptions { Connection = static () => null!, Datagrams = options }).AsTask());
        Assert.Equal(named, error.ParamName);
    }

    internal static TunnelForward To(ForwardEndPoint target) =>
        new() { Listen = ForwardEndPoint.Parse("127.0.0.1:0"), Target = target, IsUdp = true };

    /// <summary>Sends until something comes: a datagram may be lost. The time only says when to send again.</summary>
    private static async Task<int> AgainAsync(Func<Task> send, Func<CancellationToken, Task<int>> receive)
    {
        for (int attempt = 0; ; attempt++)
        {
            await send();
            using CancellationTokenSource again = new(TimeSpan.FromSeconds(2));
            try
            {
                return await receive(again.Token).Guarded();
            }
            catch (OperationCanceledException) when (attempt < 20)
            {
            }
        }
    }

    /// <summary>Waits for what happens on other threads; the limit only keeps a broken test from hanging.</summary>
    internal static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
