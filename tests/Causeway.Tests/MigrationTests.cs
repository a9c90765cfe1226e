using System.Net;
using System.Security.Cryptography;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>Clients that go another way while their streams go on, over real sockets.</summary>
public sealed class MigrationTests
{
    [Fact]
    public async Task StreamsGoOnFromAnotherPort()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic);
        EndPoint before = peers.Client.LocalEndPoint;
        Assert.Equal(before, peers.Server.RemoteEndPoint);
        await peers.Client.MigrateAsync().Guarded();
        EndPoint after = peers.Client.LocalEndPoint;
        Assert.NotEqual(before, after);
        await peers.ClientStream.WriteAsync(new byte[100]).Guarded();
        await peers.ServerStream.ReadExactlyAsync(new byte[100]).Guarded();
        await peers.ServerStream.WriteAsync(new byte[100]).Guarded();
        await peers.ClientStream.ReadExactlyAsync(new byte[100]).Guarded();
        await Eventually(() => peers.Server.RemoteEndPoint.Equals(after));
    }

    [Fact]
    public async Task WhoAsksBeforeTheHandshakeIsConfirmedWaits()
    {
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { Profile = Wires.Quic, ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) });
        for (int i = 0; i < 20; i++)
        {
            await using CausewayConnection client = await CausewayConnection.ConnectAsync(
                new CausewayClientOptions { Profile = Wires.Quic, RemoteEndPoint = listener.LocalEndPoint });
            EndPoint before = client.LocalEndPoint;
            await client.MigrateAsync().Guarded();
            Assert.NotEqual(before, client.LocalEndPoint);
        }
    }

    [Fact]
    public async Task ATransferIsWholeAfterManyMoves()
    {
        const int Moves = 12;
        LinkLog links = new();
        await using (TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic, clientLink: builder => builder.Use(links.Add)))
        {
            byte[] data = RandomNumberGenerator.GetBytes(1 << 20);
            using CancellationTokenSource enough = new();
            Task<byte[]> reading = HashAsync(peers.ServerStream);
            Task<byte[]> writing = Task.Run(async () =>
            {
                using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                do
                {
                    hash.AppendData(data);
                    await peers.ClientStream.WriteAsync(data);
                }
                while (!enough.IsCancellationRequested);

                peers.ClientStream.CompleteWrites();
                return hash.GetHashAndReset();
            });
            HashSet<EndPoint> seen = [peers.Client.LocalEndPoint];
            for (int i = 0; i < Moves; i++)
            {
                await peers.Client.MigrateAsync().Guarded();
                Assert.True(seen.Add(peers.Client.LocalEndPoint), "an old port again");
            }

            enough.Cancel();
            Assert.Equal(await writing.Guarded(), await reading.Guarded());
            Assert.Equal(Moves + 1, links.Made.Count);
        }

        Assert.All(links.Made, static link => Assert.True(link.IsDisposed));
    }

    [Fact]
    public async Task SocketsThatWereLeftAreClosedWhileTheConnectionLives()
    {
        LinkLog links = new();
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic, clientLink: builder => builder.Use(links.Add));
        await peers.Client.MigrateAsync().Guarded();
        await Eventually(() => links.Made[0].IsDisposed);
        Assert.False(links.Made[1].IsDisposed);
        await peers.ClientStream.WriteAsync(new byte[100]).Guarded();
        await peers.ServerStream.ReadExactlyAsync(new byte[100]).Guarded();
    }

    [Fact]
    public async Task AWayThatDoesNotCarryIsNotTaken()
    {
        LinkLog links = new() { IsDeadFrom = 1 };
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic, clientLink: builder => builder.Use(links.Add));
        EndPoint before = peers.Client.LocalEndPoint;

        // Three probe timeouts, which on a busy machine are long.
        TransportException error = await Assert.ThrowsAsync<TransportException>(
            () => peers.Client.MigrateAsync().WaitAsync(TimeSpan.FromMinutes(3)));
        Assert.Equal(TransportError.ConnectFailed, error.Error);
        Assert.Contains("goes on as before", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, peers.Client.LocalEndPoint);
        await peers.ClientStream.WriteAsync(new byte[100]).Guarded();
        await peers.ServerStream.ReadExactlyAsync(new byte[100]).Guarded();
        await Eventually(() => links.Made[1].IsDisposed);
    }

    [Fact]
    public async Task ALinkThatIsGivenTwiceStaysInUse()
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(Wires.Quic);
        (CausewayStream client, CausewayStream server, CausewayConnection _) = await peers.OpenFirstAsync();
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() => peers.Client.MigrateAsync().Guarded());
        Assert.Contains("CreateLink", error.Message, StringComparison.Ordinal);
        Assert.False(peers.ClientLink.IsDisposed);
        await client.WriteAsync(new byte[100]).Guarded();
        await server.ReadExactlyAsync(new byte[100]).Guarded();
    }

    [Fact]
    public async Task ALinkThatWasLeftIsHeldByNobody()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic);
        List<WeakReference> left = [];
        LinkLog links = new();
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = Wires.Quic,
            RemoteEndPoint = peers.Listener.LocalEndPoint,
            CreateLink = remote =>
            {
                LoggedLink link = links.Add(UdpLink.Connect((IPEndPoint)remote));
                left.Add(new WeakReference(link));
                return link;
            },
        });
        await (await client.OpenStreamAsync().Guarded()).WriteAsync(new byte[1]).Guarded();
        await client.MigrateAsync().Guarded();
        await client.MigrateAsync().Guarded();

        // The first one stays known for its capabilities; one that came and went does not.
        await Eventually(() => links.Made[1].IsDisposed);
        links.Made.Clear();
        await Eventually(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !left[1].IsAlive;
        });
        Assert.True(left[2].IsAlive);
        await (await peers.Listener.AcceptConnectionAsync().Guarded()).DisposeAsync();
    }

    [Fact]
    public async Task AServerMayForbidIt()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic, Wires.Quic with { AllowsMigration = false });
        await Assert.ThrowsAsync<NotSupportedException>(() => peers.Client.MigrateAsync().Guarded());
        await Assert.ThrowsAsync<NotSupportedException>(() => peers.Server.MigrateAsync().Guarded());
    }

    [Fact]
    public async Task KcpStaysWhereItIs()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync();
        await Assert.ThrowsAsync<NotSupportedException>(() => peers.Client.MigrateAsync().Guarded());
        peers.Client.NotifyNetworkChanged();
        await peers.ClientStream.WriteAsync(new byte[100]).Guarded();
        await peers.ServerStream.ReadExactlyAsync(new byte[100]).Guarded();
    }

    [Fact]
    public async Task ThePolicyDecidesWhenTheNetworkChanges()
    {
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { Profile = Wires.Quic, ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) });
        foreach (PathDecision decision in Enum.GetValues<PathDecision>())
        {
            AskedPolicy policy = new(decision);
            await using CausewayConnection client = await CausewayConnection.ConnectAsync(
                new CausewayClientOptions { Profile = Wires.Quic, RemoteEndPoint = listener.LocalEndPoint, Migration = policy });
            CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new byte[1]).Guarded();
            await (await server.AcceptStreamAsync().Guarded()).ReadExactlyAsync(new byte[1]).Guarded();
            EndPoint before = client.LocalEndPoint;
            client.NotifyNetworkChanged();
            MigrationReport report = await policy.Asked.Guarded();
            Assert.Equal(PathOccasion.NetworkChanged, report.Occasion);
            Assert.InRange(report.RoundTripTime, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(10));
            if (decision != PathDecision.Stay)
            {
                await Eventually(() => !client.LocalEndPoint.Equals(before));
            }

            Assert.Equal(decision == PathDecision.Stay, client.LocalEndPoint.Equals(before));
        }
    }

    [Fact]
    public async Task PortsChangeAtAnInterval()
    {
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { Profile = Wires.Quic, ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) });
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = Wires.Quic,
            RemoteEndPoint = listener.LocalEndPoint,
            Migration = new AskedPolicy(PathDecision.Ask, TimeSpan.FromMilliseconds(20)),
        });
        HashSet<EndPoint> seen = [];
        await Eventually(() => seen.Add(client.LocalEndPoint) && seen.Count >= 4);
    }

    [Fact]
    public void IntervalsHaveALimit()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => MigrationPolicy.HopEvery(TimeSpan.FromSeconds(4.9)));
        Assert.Equal(TimeSpan.FromSeconds(5), MigrationPolicy.HopEvery(TimeSpan.FromSeconds(5)).Interval);
        Assert.Equal(TimeSpan.Zero, MigrationPolicy.Default.Interval);
        Assert.False(MigrationPolicy.None.WatchesNetwork);
    }

    [Theory]
    [InlineData(PathOccasion.NetworkChanged, 0, 0, PathDecision.Go)]
    [InlineData(PathOccasion.Interval, 0, 60, PathDecision.Ask)]
    [InlineData(PathOccasion.Silence, 2.9, 60, PathDecision.Stay)]
    [InlineData(PathOccasion.Silence, 3, 60, PathDecision.Go)]
    [InlineData(PathOccasion.Silence, 10, 2, PathDecision.Stay)]
    public void WhatTheDefaultDecides(PathOccasion occasion, double silence, double age, PathDecision expected)
    {
        MigrationReport report = new() { Occasion = occasion, Silence = TimeSpan.FromSeconds(silence), Age = TimeSpan.FromSeconds(age) };
        Assert.Equal(expected, MigrationPolicy.Default.Decide(in report));
        Assert.Equal(expected, MigrationPolicy.HopEvery(TimeSpan.FromSeconds(30)).Decide(in report));
        Assert.Equal(PathDecision.Stay, MigrationPolicy.None.Decide(in report));
    }

    private static async Task Eventually(Func<bool> condition)
    {
        // Guarded by the runner's own limit; a condition that never comes true fails there.
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            await Task.Delay(5, limit.Token);
        }
    }

    private static async Task<byte[]> HashAsync(Stream stream)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 16];
        for (int read = await stream.ReadAsync(buffer); read > 0; read = await stream.ReadAsync(buffer))
        {
            hash.AppendData(buffer, 0, read);
        }

        return hash.GetHashAndReset();
    }

    private sealed class AskedPolicy(PathDecision decision, TimeSpan interval = default) : MigrationPolicy
    {
        private readonly TaskCompletionSource<MigrationReport> _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<MigrationReport> Asked => _asked.Task;

        public override TimeSpan Interval => interval;

        public override PathDecision Decide(in MigrationReport report)
        {
            _asked.TrySetResult(report);
            return decision;
        }
    }

    private sealed class LinkLog
    {
        public List<LoggedLink> Made { get; } = [];

        public int IsDeadFrom { get; init; } = int.MaxValue;

        public LoggedLink Add(IDatagramLink inner)
        {
            LoggedLink link = new(inner, Made.Count >= IsDeadFrom);
            Made.Add(link);
            return link;
        }
    }

    private sealed class LoggedLink(IDatagramLink inner, bool isDead) : IDatagramLink
    {
        public bool IsDisposed { get; private set; }

        public DatagramLinkCapabilities Capabilities => inner.Capabilities;

        public EndPoint LocalEndPoint => inner.LocalEndPoint;

        public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            inner.ReceiveAsync(buffers, cancellationToken);

        public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            isDead ? default : inner.SendAsync(buffers, cancellationToken);

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return inner.DisposeAsync();
        }
    }
}
