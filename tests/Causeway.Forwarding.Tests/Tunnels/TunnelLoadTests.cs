using System.Net;
using System.Net.Sockets;
using Causeway.Forwarding.Tunnels;

namespace Causeway.Forwarding.Tests.Tunnels;

/// <summary>Many connections that end in every way at once, in both directions: each ends as it should, and nothing of it is left.</summary>
public sealed class TunnelLoadTests
{
    private const int Connections = 240;
    private const int AtOnce = 24;

    [Theory]
    [InlineData(61)]
    [InlineData(62)]
    public async Task NothingIsLeftOfConnectionsThatEndInEveryWay(int seed)
    {
        await using EchoTarget echo = new();
        await using UdpEcho datagrams = new();
        ForwardEndPoint closed = TunnelTests.UnusedPort();
        ForwardEndPoint listen = ForwardEndPoint.Parse("127.0.0.1:0");
        await using TunnelPair pair = await TunnelPair.StartAsync(
            server => server with
            {
                Tunnels = TunnelTests.Allow($"{echo.EndPoint}", $"{closed}", "udp:*") with { Listening = [TunnelListenRule.Parse("0")] },
            },
            client => client with
            {
                Forwards =
                [
                    TunnelTests.To(echo.EndPoint), TunnelTests.To(closed), TunnelTests.To(ForwardEndPoint.Parse("127.0.0.1:1")), UdpTunnelTests.To(datagrams.EndPoint),
                ],
                ReverseForwards = [new TunnelForward { Listen = listen, Target = echo.EndPoint }],
                DynamicForwards = [new DynamicForward { Listen = listen }],
            });
        await UdpTunnelTests.UntilAsync(() => pair.Client.ReverseEndPoints[0] is not null);
        IReadOnlyList<EndPoint> ports = pair.Client.LocalEndPoints;
        EndPoint reverse = pair.Client.ReverseEndPoints[0]!;

        // The stream that asked to listen, and the place that the next connection there has already.
        const long Idle = 2;
        await UdpTunnelTests.UntilAsync(() => pair.Server.Statistics.ForwardsOpen == Idle);

        await Parallel.ForEachAsync(
            Enumerable.Range(0, Connections),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (number, _) =>
            {
                Random random = new((seed * 1000) + number);
                byte[] bytes = Bytes.Random(random.Next(1, 100_000), seed: number);
                switch (number % 7)
                {
                    case 0:
                        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(ports[0]), bytes);
                        break;
                    case 1:
                        await TunnelTests.EchoAsync(await Sockets.ConnectAsync(reverse), bytes);
                        break;
                    case 2:
                        Assert.Equal(SocketError.ConnectionReset, await TunnelTests.ErrorOfAsync(ports[1 + random.Next(2)]));
                        break;
                    case 3:
                        Socket reset = await Sockets.ConnectAsync(random.Next(2) == 0 ? ports[0] : reverse);
                        await reset.SendAllAsync(bytes);
                        reset.CloseWithReset();
                        break;
                    case 4:
                        using (UdpPeer peer = new(ports[3]))
                        {
                            await peer.EchoAsync(bytes[..Math.Min(bytes.Length, 20_000)]);
                        }

                        break;
                    case 5:
                        using (Socket user = await ProxyUser.GreetAsync(ports[4], [5, 1, 0], [5, 0]))
                        {
                            Assert.Equal(0, (await user.RequestAsync(1, "127.0.0.1", ((IPEndPoint)echo.EndPoint.EndPoint).Port)).Reply);
                            await user.SendAllAsync(bytes);
                        }

                        break;
                    default:
                        // Closed before anything was answered.
                        using (Socket gone = await Sockets.ConnectAsync(ports[0]))
                        {
                            gone.Shutdown(SocketShutdown.Send);
                        }

                        break;
                }
            });

        // What stays is the flows, which are not quiet yet, and the listening port.
        long flows = pair.Server.TunnelStatistics.FlowsOpen;
        Assert.Equal(flows, pair.Client.TunnelStatistics.FlowsOpen);
        await UdpTunnelTests.UntilAsync(() => pair.Server.Statistics.ForwardsOpen == Idle + flows);
        Assert.DoesNotContain(pair.ServerLog.Lines.Concat(pair.ClientLog.Lines), static line => line.StartsWith("unexpected", StringComparison.Ordinal));
        await pair.Client.StopAsync().Guarded();
        await UdpTunnelTests.UntilAsync(() => pair.Server.Statistics.ForwardsOpen == 0);
        await UdpTunnelTests.UntilAsync(() => pair.Server.TunnelStatistics.FlowsOpen == 0);
        Assert.Equal(0, pair.Client.Statistics.ForwardsOpen);
        Assert.Equal(0, pair.Client.TunnelStatistics.FlowsOpen);
    }
}
