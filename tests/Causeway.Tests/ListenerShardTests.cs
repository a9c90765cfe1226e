using System.Net;
using Causeway.Kcp;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Tests;

/// <summary>A listener whose port is shared by several sockets, each with sessions of its own.</summary>
public sealed class ListenerShardTests : IAsyncLifetime
{
    private readonly PacketPool _pool = new(track: true, stackTraces: false);
    private readonly List<CausewayConnection> _clients = [];
    private readonly List<CausewayConnection> _accepted = [];
    private readonly List<Task> _echoes = [];
    private CausewayListener? _listener;
    private Task _accepting = Task.CompletedTask;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await StopAsync();
        _pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task EveryClientIsServedWhicheverSocketItReaches(int shards)
    {
        await ListenAsync(shards);
        Assert.Equal(OperatingSystem.IsLinux() ? shards : 1, _listener!.ShardCount);
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async i => await TransferAsync(await ConnectAsync(), i, 60_000)));

        Assert.Equal(32, _listener.ConnectionCount);
        Assert.Equal(32, _accepted.Count);
        Assert.Equal(0, _listener.Statistics.HandedOver);

        // All 32 on one of two sockets happens once in two thousand million runs.
        int used = _accepted.Select(static connection => connection.Shard).Distinct().Count();
        Assert.InRange(used, Math.Min(2, _listener.ShardCount), _listener.ShardCount);
    }

    [Fact]
    public async Task DatagramsThatReachAnotherSocketAreHandedOver()
    {
        await ListenAsync(2);
        if (_listener!.ShardCount == 1)
        {
            return;
        }

        CausewayStream[] streams = new CausewayStream[64];
        for (int i = 0; i < streams.Length; i++)
        {
            streams[i] = await (await ConnectAsync()).OpenStreamAsync().AsTask().Guarded();
            await EchoAsync(streams[i], i, 100);
        }

        // A third socket takes the peers of the last third away, and moves a sixth of all from the first to the second.
        IPEndPoint local = (IPEndPoint)_listener.LocalEndPoint;
        Task[] echoes;
        await using (UdpLink.Bind(local, new UdpLinkOptions { ReusePort = true }))
        {
            echoes = [.. streams.Select((stream, i) => EchoAsync(stream, i, 5_000))];
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
            while (_listener.Statistics.HandedOver == 0)
            {
                patience.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        await Task.WhenAll(echoes);
        Assert.Equal(64, _listener.ConnectionCount);
        Assert.Equal(64, _accepted.Count);
        Assert.Equal(0, _listener.Statistics.HandOversDropped);
    }

    [Fact]
    public async Task TheLimitOnConnectionsIsForAllShardsTogether()
    {
        await ListenAsync(4, maxConnections: 5);
        for (int i = 0; i < 5; i++)
        {
            await TransferAsync(await ConnectAsync(), i, 100);
        }

        for (int i = 0; i < 8; i++)
        {
            await (await ConnectAsync()).OpenStreamAsync().AsTask().Guarded();
        }

        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        while (_listener!.Statistics.ConnectionLimit < 8)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        Assert.Equal(5, _listener.ConnectionCount);

        // Its place is free for whoever comes next.
        await _accepted[0].DisposeAsync();
        Assert.Equal(4, _listener.ConnectionCount);
    }

    [Fact]
    public async Task ThePortIsFreeAfterwards()
    {
        await ListenAsync(4);
        await TransferAsync(await ConnectAsync(), seed: 1, 1000);
        IPEndPoint local = (IPEndPoint)_listener!.LocalEndPoint;
        await StopAsync();
        await ListenAsync(4, port: local.Port);
        await TransferAsync(await ConnectAsync(), seed: 2, 1000);
        Assert.Equal(local.Port, ((IPEndPoint)_listener.LocalEndPoint).Port);
        Assert.Equal(1, _listener.ConnectionCount);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(257)]
    public async Task ShardsHaveARange(int shards) =>
        Assert.Equal("Shards", (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ListenAsync(shards))).ParamName);

    [Fact]
    public async Task ZeroIsOneForEachProcessor()
    {
        await ListenAsync(0);
        Assert.Equal(OperatingSystem.IsLinux() ? Environment.ProcessorCount : 1, _listener!.ShardCount);
    }

    private async Task ListenAsync(int shards, int maxConnections = 1000, int port = 0)
    {
        _listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, port),
            BufferPool = _pool,
            Shards = shards,
            MaxConnections = maxConnections,
            CloseTimeout = TimeSpan.Zero,
        });
        _accepting = AcceptAsync(_listener);
    }

    private async Task<CausewayConnection> ConnectAsync()
    {
        CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = _listener!.LocalEndPoint,
            BufferPool = _pool,
            CloseTimeout = TimeSpan.Zero,
        });
        lock (_clients)
        {
            _clients.Add(client);
        }

        return client;
    }

    private async Task StopAsync()
    {
        foreach (CausewayConnection client in _clients)
        {
            await client.DisposeAsync();
        }

        _clients.Clear();
        if (_listener is not null)
        {
            await _listener.DisposeAsync();
            await _accepting.Guarded();
            await Task.WhenAll(_echoes).Guarded();
        }

        _accepted.Clear();
        _echoes.Clear();
    }

    private async Task AcceptAsync(CausewayListener listener)
    {
        while (true)
        {
            try
            {
                CausewayConnection connection = await listener.AcceptConnectionAsync();
                _accepted.Add(connection);
                _echoes.Add(ServeAsync(connection));
            }
            catch (TransportException error) when (error.Error == TransportError.ConnectionClosed)
            {
                return;
            }
        }
    }

    // Sends back what comes on the connection's only stream.
    private static async Task ServeAsync(CausewayConnection connection)
    {
        try
        {
            await using CausewayStream stream = await connection.AcceptStreamAsync();
            await stream.CopyToAsync(stream);
        }
        catch (TransportException)
        {
            // The test is over.
        }
    }

    private static async Task TransferAsync(CausewayConnection client, int seed, int count)
    {
        CausewayStream stream = await client.OpenStreamAsync().AsTask().Guarded();
        await EchoAsync(stream, seed, count);
    }

    private static async Task EchoAsync(CausewayStream stream, int seed, int count)
    {
        byte[] sent = new byte[count];
        new Random(seed).NextBytes(sent);
        byte[] received = new byte[count];
        Task write = stream.WriteAsync(sent).AsTask();
        await stream.ReadExactlyAsync(received).AsTask().Guarded();
        await write.Guarded();
        Assert.Equal(sent, received);
    }
}
