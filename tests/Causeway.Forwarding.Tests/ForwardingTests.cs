using System.Net;
using System.Net.Sockets;
using Causeway.Kcp.Arq;
using Causeway.Kcptun.Configuration;
using Causeway.Kcptun.Crypt;
using Microsoft.Extensions.Logging;

namespace Causeway.Forwarding.Tests;

public sealed class ForwardingTests
{
    public static TheoryData<string, bool, bool> Matrix()
    {
        TheoryData<string, bool, bool> matrix = [];
        foreach (KcptunCrypt crypt in KcptunCrypt.All)
        {
            foreach (bool compression in new[] { false, true })
            {
                matrix.Add(crypt.Name, compression, false);
                matrix.Add(crypt.Name, compression, true);
            }
        }

        return matrix;
    }

    [Fact]
    public async Task MegabytesArriveWhole()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint);

        await EchoAsync(tunnel, Bytes.Random(8_000_000, seed: 3));

        Assert.Equal(1, tunnel.Client.Statistics.ConnectionsOpened);
        Assert.True(tunnel.Client.Statistics.BytesSent >= 8_000_000);
        Assert.True(tunnel.Server.Statistics.BytesReceived >= 8_000_000);
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task EveryCryptCarriesStreams(string crypt, bool compression, bool qpp)
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(
            target.EndPoint, config => config with { Crypt = crypt, NoCompression = !compression, Qpp = qpp, QppCount = 7 });

        await EchoAsync(tunnel, Bytes.Random(30_000, seed: 4));
    }

    [Theory]
    [InlineData(1, 10, 3, "fast", 1350)]
    [InlineData(2, 0, 0, "manual", 1500)]
    [InlineData(2, 3, 1, "fast3", 86)]
    public async Task VersionsFecModesAndMtusCarryStreams(int version, int dataShards, int parityShards, string mode, int mtu)
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint, config => config with
        {
            SmuxVersion = version,
            DataShards = dataShards,
            ParityShards = parityShards,
            Mode = mode,
            Mtu = mtu,
        });

        await EchoAsync(tunnel, Bytes.Random(200_000, seed: 5));
    }

    [Fact]
    public async Task TheTwoEndsMayHaveDifferentMtus()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(
            target.EndPoint, config => config with { Mtu = config is KcptunClientConfig ? 500 : 1400 });

        await EchoAsync(tunnel, Bytes.Random(200_000, seed: 6));
    }

    [Fact]
    public async Task AHundredStreamsShareThreeConnections()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint, client: static options => options with { Connections = 3 });

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => EchoAsync(tunnel, Bytes.Random(20_000 + i, seed: i)))).Guarded();

        Assert.Equal(3, tunnel.Client.Statistics.ConnectionsOpened);
        Assert.Equal(3, tunnel.Server.Statistics.ConnectionsOpened);
    }

    [Fact]
    public async Task TheClientRecoversFromARestartOfTheServer()
    {
        // Without FEC: out of the rest of a group the new server could restore what the old one got, and go on from there
        // with the old connection.
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint, static config => config with { ParityShards = 0 }, static profile => profile with
        {
            Mux = profile.Mux with { KeepAliveInterval = TimeSpan.FromMilliseconds(200), KeepAliveTimeout = TimeSpan.FromSeconds(1) },
            Arq = profile.Arq with { DeadLinkTimeout = TimeSpan.FromSeconds(1) },
        });
        await EchoAsync(tunnel, Bytes.Random(1000, seed: 7));
        await tunnel.RestartServerAsync();

        // Until the client notices, what is tried ends in a reset; each try takes at most the keep-alive timeout.
        byte[] message = Bytes.Random(1000, seed: 8);
        byte[] answer = [];
        while (answer.Length == 0)
        {
            try
            {
                using Socket socket = await tunnel.ConnectAsync();
                await socket.SendAllAsync(message);
                socket.Shutdown(SocketShutdown.Send);
                answer = await socket.ReceiveAllAsync();
            }
            catch (SocketException error)
            {
                Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
            }
        }

        Assert.Equal(message, answer);
        Assert.Equal(2, tunnel.Client.Statistics.ConnectionsOpened);
    }

    [Fact]
    public async Task AReaderThatStallsStopsTheWriter()
    {
        // A target that accepts, and never reads.
        using Socket target = Sockets.Listen();
        target.ReceiveBufferSize = 64 * 1024;
        await using Tunnel tunnel = await Tunnel.StartAsync(
            ForwardEndPoint.From((IPEndPoint)target.LocalEndPoint!),
            static config => config with { SendWindow = 32, ReceiveWindow = 32, SmuxBuffer = 128 * 1024, StreamBuffer = 64 * 1024 });
        using Socket app = await tunnel.ConnectAsync();
        app.SendBufferSize = 64 * 1024;

        const int Attempted = 64 * 1024 * 1024;
        long accepted = 0;
        Task writing = Task.Run(async () =>
        {
            byte[] chunk = new byte[16 * 1024];
            while (Volatile.Read(ref accepted) < Attempted)
            {
                Interlocked.Add(ref accepted, await app.SendAsync(chunk, SocketFlags.None));
            }
        });

        // Nothing tells a writer that waits from one that is slow, except that it makes no progress for a while.
        long before = -1;
        while (Volatile.Read(ref accepted) != before)
        {
            before = Volatile.Read(ref accepted);
            await Task.Delay(TimeSpan.FromMilliseconds(500));
        }

        Assert.False(writing.IsCompleted);

        // Kernel buffers grow to 6 MiB each on their own; ours are far below one.
        Assert.InRange(before, 1, 20 * 1024 * 1024);
        app.Dispose();
        await Assert.ThrowsAnyAsync<Exception>(() => writing.Guarded());
    }

    [Fact]
    public async Task ATargetThatRefusesResetsTheApplication()
    {
        Socket closed = Sockets.Listen();
        IPEndPoint nobody = (IPEndPoint)closed.LocalEndPoint!;
        closed.Dispose();
        await using Tunnel tunnel = await Tunnel.StartAsync(ForwardEndPoint.From(nobody));

        // So soon, perhaps, that it comes before the connection is known to be made.
        SocketException error = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket app = await tunnel.ConnectAsync();
            await app.ReceiveAllAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        await tunnel.ServerLog.WaitForAsync(line => line.StartsWith($"cannot reach target {nobody}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task UnixSocketsWorkAtBothEnds()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            ForwardEndPoint near = ForwardEndPoint.Parse(Path.Combine(folder, "near.sock"));
            ForwardEndPoint far = ForwardEndPoint.Parse(Path.Combine(folder, "far.sock"));
            using Socket target = far.Listen(1);
            await using (Tunnel tunnel = await Tunnel.StartAsync(far, client: options => options with { Listen = near }))
            {
                using Socket app = await Sockets.ConnectAsync(near.EndPoint);
                using Socket accepted = await target.AcceptAsync().Guarded();
                byte[] message = Bytes.Random(100_000, seed: 9);
                await app.SendAllAsync(message);
                app.Shutdown(SocketShutdown.Send);
                Assert.Equal(message, await accepted.ReceiveAllAsync());
            }

            Assert.False(File.Exists(near.ToString()));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task FurtherConnectionsWaitWhenTheLimitIsReached()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint, client: static options => options with { MaxForwards = 1 });
        using Socket first = await tunnel.ConnectAsync();
        await first.SendAllAsync(new byte[1]);
        await first.ReceiveExactlyAsync(1);

        using Socket second = await tunnel.ConnectAsync();
        await second.SendAllAsync(new byte[] { 2 });
        Task<byte[]> answer = second.ReceiveExactlyAsync(1);
        Assert.False(answer.IsCompleted);
        Assert.Equal(1, tunnel.Client.Statistics.ForwardsOpen);

        first.Shutdown(SocketShutdown.Send);
        Assert.Empty(await first.ReceiveAllAsync());
        Assert.Equal([2], await answer);
    }

    [Fact]
    public async Task StreamsWaitForAPlaceAtTheServerAndAreResetWhenTheirTimeIsUp()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(
            target.EndPoint, server: static options => options with { MaxForwards = 1, ConnectTimeout = TimeSpan.FromSeconds(20) });
        using Socket first = await tunnel.ConnectAsync();
        await first.SendAllAsync(new byte[1]);
        await first.ReceiveExactlyAsync(1);
        using Socket second = await tunnel.ConnectAsync();
        await second.SendAllAsync(new byte[] { 2 });
        Task<byte[]> answer = second.ReceiveExactlyAsync(1);
        await tunnel.ServerLog.WaitForAsync(static line => line.Contains("more must wait", StringComparison.Ordinal));
        Assert.False(answer.IsCompleted);

        first.Shutdown(SocketShutdown.Send);
        Assert.Empty(await first.ReceiveAllAsync());
        Assert.Equal([2], await answer);

        // The place stays taken now.
        await using Tunnel hasty = await Tunnel.StartAsync(
            target.EndPoint, server: static options => options with { MaxForwards = 1, ConnectTimeout = TimeSpan.FromMilliseconds(500) });
        using Socket third = await hasty.ConnectAsync();
        await third.SendAllAsync(new byte[1]);
        await third.ReceiveExactlyAsync(1);
        using Socket fourth = await hasty.ConnectAsync();
        await fourth.SendAllAsync(new byte[1]);
        Assert.Equal(SocketError.ConnectionReset, await fourth.ReceiveErrorAsync());
    }

    [Fact]
    public async Task LogLinesAreTheReferences()
    {
        await using EchoTarget target = new();
        string app;
        Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint);
        await using (tunnel)
        {
            using Socket socket = await tunnel.ConnectAsync();
            app = socket.LocalEndPoint!.ToString()!;
            await socket.SendAllAsync(new byte[1]);
            await socket.ReceiveExactlyAsync(1);
            socket.Shutdown(SocketShutdown.Send);
            Assert.Empty(await socket.ReceiveAllAsync());
        }

        string server = tunnel.Server.LocalEndPoints[0].ToString()!;
        Assert.Contains(tunnel.ClientLog.Lines, line => line.StartsWith("smux version: 2 on connection: 127.0.0.1:", StringComparison.Ordinal)
            && line.EndsWith($" -> {server}", StringComparison.Ordinal));
        Assert.Contains($"stream opened in: {app} out: {server}(3)", tunnel.ClientLog.Lines);
        Assert.Contains($"stream closed in: {app} out: {server}(3)", tunnel.ClientLog.Lines);
        Assert.Contains(tunnel.ServerLog.Lines, static line => line.StartsWith("remote address: 127.0.0.1:", StringComparison.Ordinal));
        Assert.Contains(tunnel.ServerLog.Lines, line => line.StartsWith("stream opened in: 127.0.0.1:", StringComparison.Ordinal)
            && line.EndsWith($"(3) out: {target.EndPoint}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task QuietLeavesOutStreams()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint, client: static options => options with { Quiet = true });

        await EchoAsync(tunnel, Bytes.Random(1000, seed: 10));

        await tunnel.Client.StopAsync().Guarded();
        await tunnel.ClientLog.WaitForAsync(static line => line.StartsWith("smux version", StringComparison.Ordinal));
        Assert.DoesNotContain(tunnel.ClientLog.Lines, static line => line.StartsWith("stream", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ALoggerThatBlocksStopsNeitherTrafficNorTheEnd()
    {
        using ManualResetEventSlim open = new();
        ILogger blocked = new BlockedLogger(open);
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(
            target.EndPoint, client: options => options with { Logger = blocked }, server: options => options with { Logger = blocked });
        for (int i = 0; i < 50; i++)
        {
            await EchoAsync(tunnel, Bytes.Random(1000, seed: i));
        }

        await tunnel.Client.StopAsync().Guarded();
        await tunnel.Server.StopAsync().Guarded();
        open.Set();
    }

    [Fact]
    public async Task StoppingResetsWhatIsUnfinished()
    {
        await using EchoTarget target = new();
        await using Tunnel tunnel = await Tunnel.StartAsync(target.EndPoint);
        using Socket app = await tunnel.ConnectAsync();
        await app.SendAllAsync(new byte[1]);
        await app.ReceiveExactlyAsync(1);

        await tunnel.Server.StopAsync().Guarded();

        Assert.Equal(SocketError.ConnectionReset, await app.ReceiveErrorAsync());
    }

    private static async Task EchoAsync(Tunnel tunnel, byte[] message)
    {
        using Socket socket = await tunnel.ConnectAsync();
        Task<byte[]> answer = socket.ReceiveAllAsync();
        await socket.SendAllAsync(message);
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(message, await answer.Guarded());
    }

    private sealed class BlockedLogger(ManualResetEventSlim open) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            open.Wait(TimeSpan.FromSeconds(60));
    }
}
