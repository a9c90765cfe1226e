using System.Net;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Quic.Paths;
using Causeway.Quic.Tests.Paths;
using Causeway.Quic.Tests.Simulation;
using Causeway.Quic.Wire;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Runtime;

/// <summary>A listener with several sockets on one port, over the loopback.</summary>
public sealed class ShardedListenerTests
{
    private const string Key = "8f95f09245765f80256934e50c66207f";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false, AddressValidationMode.UnderLoad)]
    [InlineData(true, AddressValidationMode.Always)]
    public async Task TwoHundredConnectionsGoOnWhileTheirPortsChange(bool isRouted, AddressValidationMode retry)
    {
        const int Connections = 200;
        using CausewayKey key = CausewayKey.Create();
        await using CausewayListener listener = await ListenAsync(4, key, p => p with
        {
            ConnectionIds = isRouted ? ServerIdReaderTests.Routing(2, Key, "0102", 8) : null,
            AddressValidation = retry,
        });
        Assert.Equal(OperatingSystem.IsLinux() ? 4 : 1, listener.ShardCount);
        Task serving = ServeAsync(listener, Connections);

        // So many at a time that handshakes do not run out of time on a busy machine.
        using SemaphoreSlim turns = new(20);
        List<CausewayConnection> clients = [];
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(async i =>
        {
            HoppingLink? link = null;
            await turns.WaitAsync();
            CausewayConnection client;
            try
            {
                client = await ConnectAsync(listener, key, remote => link = new HoppingLink((IPEndPoint)remote));
            }
            finally
            {
                turns.Release();
            }

            lock (clients)
            {
                clients.Add(client);
            }

            await using CausewayStream stream = await client.OpenStreamAsync().AsTask().WaitAsync(s_patience);
            for (int round = 0; round < 3; round++)
            {
                await EchoAsync(stream, seed: (3 * i) + round, count: 15_000);
                link!.Hop();
            }

            await EchoAsync(stream, seed: -i, count: 1_000);
        })).WaitAsync(s_patience);
        Assert.Equal(Connections, listener.ConnectionCount);
        if (listener.ShardCount > 1)
        {
            // Three ports each: all 600 at the socket of the first happens once in 4 to the 600.
            Assert.True(listener.Statistics.HandedOver > 0);
        }

        foreach (CausewayConnection client in clients)
        {
            await client.DisposeAsync();
        }

        await serving.WaitAsync(s_patience);
    }

    [Fact]
    public async Task TheLimitOnConnectionsIsForAllSocketsTogether()
    {
        using CausewayKey key = CausewayKey.Create();
        await using CausewayListener listener = await ListenAsync(4, key, static p => p, maxConnections: 5);
        List<CausewayConnection> clients = [];
        for (int i = 0; i < 5; i++)
        {
            clients.Add(await ConnectAsync(listener, key, null));
        }

        for (int i = 0; i < 8; i++)
        {
            TransportException refused = await Assert.ThrowsAsync<TransportException>(() => ConnectAsync(listener, key, null));
            Assert.Equal(TransportError.ConnectionRefused, refused.Error);
        }

        Assert.Equal(5, listener.ConnectionCount);
        foreach (CausewayConnection client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public void EndpointsOfAListenerHaveTheirKeysInCommon()
    {
        QuicProfile profile = new() { ServerAuthentication = ServerAuthentication.Shared("us", "secret"), AddressValidation = AddressValidationMode.Always };
        int made = 0;
        SessionLink link = new(1350, 0, 0, PacketPool.Shared) { Random = bytes => new Random(made++).NextBytes(bytes) };
        IReadOnlyList<TransportEndpoint> endpoints = profile.NewListenerEndpoints([link, link, link]);
        using TransportEndpoint alone = profile.NewEndpoint(EndpointRole.Server, in link);

        // One asks a client to prove its address, and another takes the proof.
        using QuicPeer client = new(EndpointRole.Client, new QuicPeerOptions(), PacketPool.Shared, seed: 1, new Timestamp(1));
        Collector sent = new();
        client.Turn(new Timestamp(1), sent);
        Assert.Equal(RoutingKind.WithoutSession, endpoints[0].Route(sent.Last!).Kind);
        Assert.True(endpoints[0].TryTakeAnswer(out PacketBuffer? retry));
        client.Receive(retry, new Timestamp(2));
        retry.Release();
        client.Turn(new Timestamp(2), sent);
        Assert.Equal(1, client.Session!.Statistics.Retries);
        Assert.Equal(RoutingKind.WithoutSession, alone.Route(sent.Last!).Kind);
        Assert.Equal(RoutingKind.Opening, endpoints[2].Route(sent.Last!).Kind);

        // And both reset the same connection by the same token.
        ConnectionId id = new([1, 2, 3, 4, 5, 6, 7, 8]);
        StatelessResetToken[] tokens = [.. endpoints.Append(alone).Select(endpoint => ((IConnectionIdRegistry)endpoint).TokenOf(id))];
        Assert.Equal(tokens[0], tokens[1]);
        Assert.Equal(tokens[0], tokens[2]);
        Assert.NotEqual(tokens[0], tokens[3]);
        sent.Last!.Release();
        foreach (TransportEndpoint endpoint in endpoints)
        {
            endpoint.Dispose();
        }
    }

    private sealed class Collector : IDatagramOutput
    {
        public PacketPool Pool => PacketPool.Shared;

        public PacketBuffer? Last { get; private set; }

        public void Send(PacketBuffer datagram)
        {
            Last?.Release();
            Last = datagram;
            Last.Peer = PeerAddress.FromBytes([192, 0, 2, 1], 5);
        }
    }

    private static ValueTask<CausewayListener> ListenAsync(
        int shards, CausewayKey key, Func<QuicProfile, QuicProfile> configure, int maxConnections = 1000) =>
        CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Shards = shards,
            MaxConnections = maxConnections,
            ConnectionBacklog = 256,
            Profile = configure(new QuicProfile
            {
                ServerAuthentication = ServerAuthentication.WithKey(key),
                HandshakeTimeout = s_patience,
            }),
        });

    private static async Task<CausewayConnection> ConnectAsync(CausewayListener listener, CausewayKey key, Func<EndPoint, IDatagramLink>? link) =>
        await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            RemoteEndPoint = listener.LocalEndPoint,
            CreateLink = link,
            Profile = new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(key.Fingerprint), HandshakeTimeout = s_patience },
        }).AsTask().WaitAsync(s_patience);

    // Sends back what comes on each connection's only stream.
    private static async Task ServeAsync(CausewayListener listener, int connections)
    {
        List<Task> echoes = [];
        for (int i = 0; i < connections; i++)
        {
            CausewayConnection connection = await listener.AcceptConnectionAsync();
            echoes.Add(EchoAsync(connection));
        }

        await Task.WhenAll(echoes);
    }

    private static async Task EchoAsync(CausewayConnection connection)
    {
        try
        {
            await using CausewayStream stream = await connection.AcceptStreamAsync();
            await stream.CopyToAsync(stream);
        }
        catch (TransportException)
        {
            // The client is done.
        }
    }

    private static async Task EchoAsync(CausewayStream stream, int seed, int count)
    {
        byte[] sent = new byte[count];
        new Random(seed).NextBytes(sent);
        byte[] received = new byte[count];
        Task write = stream.WriteAsync(sent).AsTask();
        await stream.ReadExactlyAsync(received).AsTask().WaitAsync(s_patience);
        await write.WaitAsync(s_patience);
        Assert.Equal(sent, received);
    }
}
