using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Links;
using Causeway.Protocol;
using Causeway.Protocol.Streams;
using Causeway.Runtime;
using Causeway.Testing;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>How connections begin and end, and the limits of listeners.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public async Task NameThatDoesNotExistFailsAsConnectFailed()
    {
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = new KcpProfile(),
            RemoteEndPoint = new DnsEndPoint("no-such-host.invalid", 4000),
        }).Guarded());
        Assert.Equal(TransportError.ConnectFailed, error.Error);
        Assert.Contains("no-such-host.invalid", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task AddressInUseFailsAsAddressUnavailable(Wire wire)
    {
        CausewayListenerOptions options = new() { Profile = wire.Profile(), ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) };
        await using CausewayListener first = await CausewayListener.ListenAsync(options);
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => CausewayListener.ListenAsync(
            options with { ListenEndPoint = (IPEndPoint)first.LocalEndPoint }).Guarded());
        Assert.Equal(TransportError.AddressUnavailable, error.Error);
        Assert.Contains(first.LocalEndPoint.ToString()!, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task PeerThatFallsSilentEndsTheConnectionAsIdleTimeout(Wire wire)
    {
        VirtualTimeProvider time = new();
        PacketPool pool = new(track: true, stackTraces: false);
        List<FaultInjectionLink> links = [];
        TransportProfile profile = wire == Wire.Quic
            ? Wires.Quic with { KeepAliveInterval = TimeSpan.FromSeconds(1), IdleTimeout = TimeSpan.FromSeconds(3) }
            : new KcpProfile
            {
                Mux = new SmuxOptions { KeepAliveInterval = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(3) },
                Arq = new() { DeadLinkTimeout = TimeSpan.FromMinutes(10) },
            };
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(profile, time: time, decorate: link =>
        {
            links.Add(new FaultInjectionLink(link, new FaultInjectionOptions { Pool = pool }, time));
            return links[^1];
        });
        (CausewayStream stream, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        Task<int> reading = stream.ReadAsync(new byte[1]).AsTask();
        Task<int> serverReading = accepted.ReadAsync(new byte[1]).AsTask();

        links.ForEach(static link => link.SetBlackout(true));
        for (int i = 0; i < 10; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await peers.Client.Closed.Guarded();
        await server.Closed.Guarded();
        Assert.Equal(TransportError.IdleTimeout, peers.Client.Failure?.Error);
        Assert.Equal(TransportError.IdleTimeout, server.Failure?.Error);
        Assert.Equal(TransportError.IdleTimeout, (await Assert.ThrowsAsync<TransportException>(() => reading.Guarded())).Error);
        Assert.Equal(TransportError.IdleTimeout, (await Assert.ThrowsAsync<TransportException>(() => serverReading.Guarded())).Error);
        Assert.Equal(TransportError.IdleTimeout, (await Assert.ThrowsAsync<TransportException>(() => peers.Client.OpenStreamAsync().Guarded())).Error);
        Assert.Equal(0, peers.Listener.ConnectionCount);

        // The counters outlive the connection, and closing what has failed is no error.
        Assert.True(peers.Client.Statistics.Transport.OutPackets > 0);
        Assert.Equal(1, peers.Client.Statistics.Streams.StreamsOpened);
        await peers.Client.CloseAsync().Guarded();
        await peers.Client.CloseAsync().Guarded();
        await peers.Listener.DisposeAsync();
        pool.ThrowIfOutstanding();
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task ClosesThatMeetAllCompleteAndOneThatIsCancelledCutsOff(Wire wire)
    {
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(wire.Profile(), closeTimeout: TimeSpan.FromDays(1));
        (CausewayStream stream, CausewayStream accepted, CausewayConnection server) = await peers.OpenFirstAsync();
        using CancellationTokenSource cancel = new();

        // The peer reads nothing, so that a graceful close cannot end.
        Task writing = stream.WriteAsync(new byte[40_000_000]).AsTask();
        Task first = peers.Client.CloseAsync().AsTask();
        Task second = peers.Client.CloseAsync(cancel.Token).AsTask();
        Task<CausewayStream> accepting = peers.Client.AcceptStreamAsync().AsTask();
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => accepting.Guarded())).Error);
        Assert.False(first.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Guarded());
        await first.Guarded();
        Assert.Equal(TransportError.ConnectionClosed, (await Assert.ThrowsAsync<TransportException>(() => writing.Guarded())).Error);
        Assert.Null(peers.Client.Failure);

        // The client's end told the server: nobody is left for whom its close would wait.
        await server.CloseAsync().Guarded();
        Assert.True(server.Closed.IsCompletedSuccessfully);
        await accepted.DisposeAsync();
    }

    [Fact]
    public async Task ListenerTakesNoMoreConnectionsThanItMayButLetsAClientRestart()
    {
        using PeerSockets sockets = new(count: 3);
        await using CausewayListener listener = await ListenAsync(maxConnections: 2, backlog: 10);
        for (int i = 0; i < 3; i++)
        {
            await sockets.SendAsync(i, listener, OpeningOf(conversation: (uint)(10 * i) + 1));
        }

        CausewayConnection one = await listener.AcceptConnectionAsync().Guarded();
        await listener.AcceptConnectionAsync().Guarded();
        await UntilAsync(() => listener.Statistics.ConnectionLimit == 1);
        Assert.Equal(2, listener.ConnectionCount);

        // Another conversation from a known address: first by a datagram from its middle, then from its beginning.
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 2, sequence: 7));
        await UntilAsync(() => listener.Statistics.OtherSession == 1);
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 2));
        CausewayConnection restarted = await listener.AcceptConnectionAsync().Guarded();
        Assert.Equal(2u, restarted.Session.RoutingId);
        Assert.Equal(one.RemoteEndPoint, restarted.RemoteEndPoint);
        await one.Closed.Guarded();
        Assert.Equal(TransportError.ConnectionReplaced, one.Failure?.Error);
        Assert.Equal(2, listener.ConnectionCount);

        // A copy of the old conversation's beginning does not turn the clock back.
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 1));
        await UntilAsync(() => listener.Statistics.ClosedSession == 1);
        Assert.False(restarted.Closed.IsCompleted);
        await one.DisposeAsync().Guarded();
        Assert.Equal(2, listener.ConnectionCount);
    }

    [Fact]
    public async Task WhatComesLateForAClosedConnectionOpensNoOther()
    {
        using PeerSockets sockets = new(count: 1);
        await using CausewayListener listener = await ListenAsync(maxConnections: 10, backlog: 10);
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 5));
        CausewayConnection connection = await listener.AcceptConnectionAsync().Guarded();
        await connection.DisposeAsync().Guarded();
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 5, sequence: 9));
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 5, command: 82));
        await UntilAsync(() => listener.Statistics.ClosedSession == 2);
        Assert.Equal(0, listener.ConnectionCount);

        // Another conversation is new, and the same from its beginning was recorded.
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 6, sequence: 9));
        connection = await listener.AcceptConnectionAsync().Guarded();
        Assert.Equal(6u, connection.Session.RoutingId);
        await connection.DisposeAsync().Guarded();
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 5));
        await UntilAsync(() => listener.Statistics.Replayed == 1);
        Assert.Equal(0, listener.ConnectionCount);
        Assert.Equal(2, listener.Statistics.ClosedSession);
    }

    [Fact]
    public async Task WhatOpenedASessionOpensNoOtherFromAnyPortNorAnotherListenerOfTheProfile()
    {
        const int Peers = 200;
        using PeerSockets sockets = new(Peers);
        KcpProfile profile = new();
        CausewayListenerOptions options = new() { Profile = profile, ListenEndPoint = s_any };
        await using CausewayListener listener = await CausewayListener.ListenAsync(options);
        await using CausewayListener other = await CausewayListener.ListenAsync(options);
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 77));
        CausewayConnection connection = await listener.AcceptConnectionAsync().Guarded();

        // While it is open, and when it has ended; from its beginning and from its middle.
        for (int turn = 1; turn <= 2; turn++)
        {
            for (int i = 1; i < Peers; i++)
            {
                await sockets.SendAsync(i, i % 2 == 0 ? other : listener, OpeningOf(conversation: 77, sequence: (uint)(i % 3)));
                await UntilAsync(() =>
                    listener.Statistics.Replayed + other.Statistics.Replayed == ((turn - 1) * (Peers - 1)) + i);
            }

            Assert.Equal(2 - turn, listener.ConnectionCount);
            Assert.Equal(0, other.ConnectionCount);
            await connection.DisposeAsync().Guarded();
        }
    }

    [Fact]
    public async Task WithoutAReplayWindowASessionIsOpenedAgain()
    {
        using PeerSockets sockets = new(count: 2);
        await using CausewayListener listener = await CausewayListener.ListenAsync(
            new CausewayListenerOptions { Profile = new KcpProfile(), ListenEndPoint = s_any, ReplayWindow = 0 });
        await sockets.SendAsync(0, listener, OpeningOf(conversation: 77));
        await sockets.SendAsync(1, listener, OpeningOf(conversation: 77));
        await UntilAsync(() => listener.ConnectionCount == 2);
        Assert.Equal(0, listener.Statistics.Replayed);
    }

    [Fact]
    public void ClosedConversationsAreForgottenAfterATimeAndBeyondANumber()
    {
        ClosedSessions closed = new();
        PeerAddress peer = PeerAddress.FromEndPoint(new IPEndPoint(IPAddress.Loopback, 4000));
        Timestamp now = Timestamp.FromMilliseconds(1);
        for (uint i = 0; i < 3 * ClosedSessions.Capacity; i++)
        {
            // Every other one is closed again and again.
            closed.Add(peer, i % 2 == 0 ? 0 : i, lastWord: null, now.AddMicroseconds(i));
            Assert.InRange(closed.Count, 1, ClosedSessions.Capacity);
        }

        uint last = (3 * ClosedSessions.Capacity) - 1;
        now = now.AddMicroseconds(last);
        Assert.True(closed.TryFind(peer, 0, now, out _));
        Assert.True(closed.TryFind(peer, last, now, out _));
        Assert.False(closed.TryFind(peer, 1, now, out _));
        Assert.False(closed.TryFind(default, last, now, out _));
        now = now.Add(ClosedSessions.Lifetime);
        Assert.False(closed.TryFind(peer, last, now, out _));
        closed.Add(peer, 7, lastWord: null, now);
        Assert.Equal(1, closed.Count);
    }

    [Fact]
    public async Task ListenerKeepsNoMoreConnectionsWaitingThanItMay()
    {
        using PeerSockets sockets = new(count: 3);
        await using CausewayListener listener = await ListenAsync(maxConnections: 10, backlog: 2);
        for (int i = 0; i < 3; i++)
        {
            await sockets.SendAsync(i, listener, OpeningOf(conversation: (uint)(10 * i) + 1));
        }

        await UntilAsync(() => listener.Statistics.BacklogFull == 1);
        Assert.Equal(2, listener.ConnectionCount);
        await listener.AcceptConnectionAsync().Guarded();
        await sockets.SendAsync(2, listener, OpeningOf(conversation: 21));
        await UntilAsync(() => listener.ConnectionCount == 3);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task StreamsBeyondTheBacklogAreRefused(Wire wire)
    {
        PacketPool pool = new(track: true, stackTraces: false);
        (InMemoryLink first, InMemoryLink second) = InMemoryLink.CreatePair(new InMemoryLinkOptions { Pool = pool });
        await using CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = wire.Profile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            CreateLink = _ => second,
            StreamBacklog = 2,
            BufferPool = pool,
        });
        await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = wire.Profile(),
            RemoteEndPoint = second.LocalEndPoint,
            CreateLink = _ => first,
            BufferPool = pool,
        });
        List<CausewayStream> streams = [];
        for (int i = 0; i < 3; i++)
        {
            streams.Add(await client.OpenStreamAsync().Guarded());
        }

        TransportException error = await Assert.ThrowsAsync<TransportException>(() => streams[2].ReadAsync(new byte[1]).Guarded());
        Assert.Equal(TransportError.StreamReset, error.Error);
        CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        await server.AcceptStreamAsync().Guarded();
        await server.AcceptStreamAsync().Guarded();
        await using CausewayStream again = await client.OpenStreamAsync().Guarded();
        Assert.Equal(again.Id, (await server.AcceptStreamAsync().Guarded()).Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GarbageOpensNoConnectionAndBreaksNothing(bool isProtected)
    {
        const int Count = 20_000;
        const int Seed = 7;
        Random random = new(Seed);
        PacketPool pool = new(track: true, stackTraces: false);
        KcpProfile profile = isProtected
            ? new KcpProfile { PacketProtection = static () => new Sealed() }
            : new KcpProfile();
        (InMemoryLink attacker, InMemoryLink victim) = InMemoryLink.CreatePair(
            new InMemoryLinkOptions { Pool = pool, Capacity = Count });
        await using (CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = profile,
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            CreateLink = _ => victim,
            BufferPool = pool,
            MaxConnections = 4,
        }))
        {
            PacketBuffer[] batch = new PacketBuffer[100];
            byte[] bytes = new byte[1400];
            int mayOpen = 0;
            for (int sent = 0; sent < Count; sent += batch.Length)
            {
                for (int i = 0; i < batch.Length; i++)
                {
                    int length = random.Next(8) == 0 ? random.Next(24) : random.Next(bytes.Length);
                    random.NextBytes(bytes);
                    if (random.Next(2) == 0 && length > 4)
                    {
                        // Nearly a segment: a command that there is.
                        bytes[4] = (byte)random.Next(81, 85);
                    }

                    mayOpen += KcpDatagram.TryReadFirstSegment(bytes.AsSpan(0, length), out _) ? 1 : 0;
                    batch[i] = pool.Rent();
                    bytes.AsSpan(0, length).CopyTo(batch[i].Append(length));
                }

                await attacker.SendAsync(batch);
                Array.ForEach(batch, static b => b.Release());
            }

            // An honest client is served after all that, which also says that all of it was dealt with.
            Assert.True(mayOpen < Count);
            Assert.InRange(listener.ConnectionCount, 0, 4);
            if (isProtected)
            {
                await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
                {
                    Profile = profile,
                    RemoteEndPoint = victim.LocalEndPoint,
                    CreateLink = _ => attacker,
                    BufferPool = pool,
                });
                await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
                CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
                Assert.Equal(client.Session.RoutingId, server.Session.RoutingId);
                Assert.Equal(1, listener.ConnectionCount);
                Assert.Equal(0, listener.Statistics.WithoutSession);
                await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
                await stream.WriteAsync(new byte[1]).Guarded();
                await accepted.ReadExactlyAsync(new byte[1]).Guarded();
            }
        }

        await attacker.DisposeAsync();
        pool.ThrowIfOutstanding();
    }

    [Fact]
    public async Task DatagramsWithoutAConversationOpenNothing()
    {
        using PeerSockets sockets = new(count: 1);
        await using CausewayListener listener = await ListenAsync(maxConnections: 10, backlog: 10);
        await sockets.SendAsync(0, listener, new byte[3]);

        // A parity shard of docs/wire/kcptun.md 4.2.
        byte[] parity = new byte[100];
        parity[4] = 0xF2;
        await sockets.SendAsync(0, listener, parity);
        await UntilAsync(() => listener.Statistics.WithoutSession == 2);
        Assert.Equal(0, listener.ConnectionCount);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task WorksOverIPv6(Wire wire)
    {
        if (!Socket.OSSupportsIPv6)
        {
            return;
        }

        PacketPool pool = new(track: true, stackTraces: false);
        await using (CausewayListener listener = await CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            Profile = wire.Profile(),
            ListenEndPoint = new IPEndPoint(IPAddress.IPv6Loopback, 0),
            BufferPool = pool,
        }))
        {
            await using CausewayConnection client = await CausewayConnection.ConnectAsync(new CausewayClientOptions
            {
                Profile = wire.Profile(),
                RemoteEndPoint = listener.LocalEndPoint,
                BufferPool = pool,
            });
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
            Assert.Equal(AddressFamily.InterNetworkV6, server.RemoteEndPoint.AddressFamily);
            Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
            await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
            await stream.WriteAsync(new byte[] { 6 }).Guarded();
            byte[] read = new byte[1];
            await accepted.ReadExactlyAsync(read).Guarded();
            Assert.Equal(6, read[0]);
        }

        pool.ThrowIfOutstanding();
    }

    private static readonly IPEndPoint s_any = new(IPAddress.Loopback, 0);

    private static async Task<CausewayListener> ListenAsync(int maxConnections, int backlog) => await CausewayListener.ListenAsync(
        new CausewayListenerOptions
        {
            Profile = new KcpProfile(),
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            MaxConnections = maxConnections,
            ConnectionBacklog = backlog,
        });

    /// <summary>The datagram of one data segment (docs/wire/kcptun.md 5.1) without data.</summary>
    private static byte[] OpeningOf(uint conversation, uint sequence = 0, byte command = 81)
    {
        byte[] segment = new byte[25];
        BitConverter.TryWriteBytes(segment, conversation);
        segment[4] = command;
        segment[6] = 128;
        BitConverter.TryWriteBytes(segment.AsSpan(12), sequence);
        segment[20] = 1;
        return segment;
    }

    /// <summary>What is looked at happens on other threads; the limit only keeps a broken test from hanging.</summary>
    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Plain sockets, each of which is another peer.</summary>
    private sealed class PeerSockets : IDisposable
    {
        private readonly Socket[] _sockets;

        public PeerSockets(int count) => _sockets =
            [.. Enumerable.Range(0, count).Select(static _ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))];

        public async Task SendAsync(int peer, CausewayListener listener, byte[] datagram) =>
            await _sockets[peer].SendToAsync(datagram, listener.LocalEndPoint).Guarded();

        public void Dispose() => Array.ForEach(_sockets, static s => s.Dispose());
    }

    /// <summary>Protection reduced to what matters here: eight bytes that a forger does not know.</summary>
    private sealed class Sealed : DatagramTransform
    {
        private static ReadOnlySpan<byte> Seal => "unguess!"u8;

        public override int Headroom => 8;

        public override int Tailroom => 0;

        public override void Protect(ReadOnlySpan<PacketBuffer> batch)
        {
            foreach (PacketBuffer datagram in batch)
            {
                Seal.CopyTo(datagram.Prepend(8));
            }
        }

        public override int Unprotect(Span<PacketBuffer> batch)
        {
            int good = 0;
            for (int i = 0; i < batch.Length; i++)
            {
                if (batch[i].Payload.StartsWith(Seal))
                {
                    batch[i].Advance(8);
                    (batch[good], batch[i]) = (batch[i], batch[good]);
                    good++;
                }
            }

            return good;
        }
    }
}
