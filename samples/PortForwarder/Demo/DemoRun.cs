using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Causeway.Forwarding;
using Causeway.Kcp;
using Causeway.Kcptun;
using Causeway.Kcptun.Configuration;
using Causeway.Protocol;
using Causeway.Protocol.Recovery.Congestion;
using Causeway.Quic;
using Causeway.Testing;

namespace Causeway.PortForwarder.Demo;

/// <summary>The result of one transfer.</summary>
internal sealed record DemoResult
{
    public required string Name { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public required long Bytes { get; init; }

    public required bool IsIntact { get; init; }

    public required TimeSpan RoundTrip { get; init; }

    public required double LossPercent { get; init; }

    public required long Repaired { get; init; }

    public required long SentAgain { get; init; }

    public required double WireBytesPerByte { get; init; }
}

/// <summary>One transfer through a tunnel of its own over the bad link: server and client of the forwarder, in this process.</summary>
internal sealed class DemoRun(DemoOptions options, DemoService service, DemoProgress progress)
{
    // Longer than any setting that makes sense takes; a demo must end.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(25);

    public async Task<DemoResult> RunQuicAsync(string name)
    {
        using CausewayKey key = CausewayKey.Create();
        return await RunAsync(name, new QuicProfile
        {
            CongestionControl = CongestionControllers.ByName(options.CongestionControl),
            ServerAuthentication = ServerAuthentication.WithKey(key),
            ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint),
        }).ConfigureAwait(false);
    }

    public async Task<DemoResult> RunKcptunAsync(string name, int dataShards, int parityShards)
    {
        using KcptunProfile profile = new(new KcptunServerConfig
        {
            Key = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)),
            Crypt = "aes-128-gcm",
            CongestionControl = options.CongestionControl,
            NoCompression = true,
            DataShards = dataShards,
            ParityShards = parityShards,
        });
        return await RunAsync(name, profile.Transport).ConfigureAwait(false);
    }

    private async Task<DemoResult> RunAsync(string name, TransportProfile profile)
    {
        // What is compiled and loaded on the first connection is nothing of the link's.
        await ForwardWarmUp.RunAsync(profile).ConfigureAwait(false);
        await using ForwardServer server = await ForwardServer.StartAsync(new ForwardServerOptions
        {
            Listeners =
            [
                new CausewayListenerOptions
                {
                    Profile = profile,
                    ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                },
            ],
            Target = ForwardEndPoint.From(service.EndPoint),
        }).ConfigureAwait(false);

        FaultInjectionLink? link = null;
        await using ForwardClient client = ForwardClient.Start(new ForwardClientOptions
        {
            Listen = ForwardEndPoint.From(new IPEndPoint(IPAddress.Loopback, 0)),
            Connection = () => new CausewayClientOptions
            {
                Profile = profile,
                RemoteEndPoint = server.LocalEndPoints[0],
                ConfigureLink = builder => builder.Use(next => link = new FaultInjectionLink(next, Faults())),
            },
        });

        using CancellationTokenSource limit = new(s_limit);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        progress.Begin(name, options.Size);
        long begun = Stopwatch.GetTimestamp();
        long received = 0;
        try
        {
            await socket.ConnectAsync(client.LocalEndPoint, limit.Token).ConfigureAwait(false);
            await socket.SendAsync(new byte[1], limit.Token).ConfigureAwait(false);
            byte[] buffer = new byte[65536];
            int count;
            while ((count = await socket.ReceiveAsync(buffer, limit.Token).ConfigureAwait(false)) > 0)
            {
                hash.AppendData(buffer, 0, count);
                received += count;
                progress.Update(() => Describe(received, Stopwatch.GetElapsedTime(begun), client, server, link));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException)
        {
            // What arrived until now is the result, and its checksum says that it is not whole.
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(begun);
        DemoResult result = Describe(received, elapsed, client, server, link) with
        {
            Name = name,
            IsIntact = hash.GetHashAndReset().AsSpan().SequenceEqual(service.Checksum),
        };
        progress.End(result);
        return result;
    }

    private FaultInjectionOptions Faults()
    {
        double loss = options.LossPercent / 100;
        FaultModelOptions faults = new()
        {
            // A mean burst of four datagrams; the chance to enter one gives the same loss on average.
            Loss = options.Burst ? 0 : loss,
            BurstEnter = options.Burst ? 0.25 * loss / (1 - loss) : 0,
            BurstLeave = 0.25,
            Delay = options.Delay,
            RateBitsPerSecond = (long)(options.RateMegabits * 1e6),
        };
        return new FaultInjectionOptions { Send = faults, Receive = faults, Seed = options.Seed };
    }

    private static DemoResult Describe(long received, TimeSpan elapsed, ForwardClient client, ForwardServer server, FaultInjectionLink? link)
    {
        ForwardingStatistics sender = server.Statistics;
        KcpCounters? sent = sender.Engine as KcpCounters;
        FaultStatistics faults = link?.ReceiveStatistics.Faults ?? default;
        long lost = faults.LostToRandom + faults.LostToBurst + faults.LostToQueue;
        return new DemoResult
        {
            Name = "",
            Elapsed = elapsed,
            Bytes = received,
            IsIntact = false,
            RoundTrip = sender.SmoothedRtt,
            LossPercent = faults.Sent == 0 ? 0 : 100.0 * lost / faults.Sent,
            Repaired = (client.Statistics.Engine as KcpCounters)?.FecRecovered ?? 0,
            SentAgain = sent is null
                ? (sender.Engine as QuicCounters)?.PacketsLost ?? 0
                : sent.FastRetransmits + sent.EarlyRetransmits + sent.Timeouts,
            WireBytesPerByte = received == 0 ? 0 : (double)sender.OutBytes / received,
        };
    }
}
