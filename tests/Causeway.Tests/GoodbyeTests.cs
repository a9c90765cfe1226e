using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Causeway.Kcp;
using Causeway.Kcp.Smux;
using Causeway.Kcp.Wire;
using Causeway.Links;
using Causeway.Protocol;


namespace Causeway.Tests;

/// <summary>What the other end sees of a close, a refusal and a restart, over sockets (docs/design/goodbye.md).</summary>
public sealed class GoodbyeTests
{
    // A goodbye takes a round trip on loopback; without one, an end is noticed after 30 seconds.
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    private static readonly IPEndPoint s_any = new(IPAddress.Loopback, 0);

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task CloseEndsTheOtherSideWithAReason(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(wire: wire);
        CausewayConnection client = await ConnectAsync(listener, wire.Profile());
        (CausewayStream stream, CausewayStream accepted, CausewayConnection server) = await OpenAsync(client, listener);
        await stream.WriteAsync(new byte[] { 1, 2, 3 }).Guarded();
        await client.CloseAsync().Guarded();
        await server.Closed.WaitAsync(s_soon);
        TransportException failure = Assert.IsType<TransportException>(server.Failure);
        Assert.Equal((TransportError.ClosedByPeer, true, true), (failure.Error, failure.IsByPeer, failure.IsTransient));
        Assert.Null(client.Failure);

        // What was written before the close is read to its end; nothing can be written or opened.
        byte[] read = new byte[8];
        Assert.Equal(3, await accepted.ReadAtLeastAsync(read, 8, throwOnEndOfStream: false).AsTask().Guarded());
        Assert.Equal(TransportError.ClosedByPeer, (await FailureOf(() => accepted.WriteAsync(read).AsTask())).Error);
        Assert.Equal(TransportError.ClosedByPeer, (await FailureOf(() => server.OpenStreamAsync().AsTask())).Error);
        Assert.Equal(TransportError.ClosedByPeer, (await FailureOf(() => server.AcceptStreamAsync().AsTask())).Error);

        // And closing it has nobody to wait for.
        Stopwatch watch = Stopwatch.StartNew();
        await server.CloseAsync().Guarded();
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, s_soon);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task StreamsThatNobodyEndedFailWithTheReason(Wire wire)
    {
        CausewayListener listener = await ListenAsync(wire: wire);
        await using CausewayConnection client = await ConnectAsync(listener, wire.Profile());
        (CausewayStream stream, _, CausewayConnection server) = await OpenAsync(client, listener);
        Task<TransportException> reading = FailureOf(() => stream.ReadAsync(new byte[1]).AsTask());

        // Cuts its connections off, so that no stream is ended in order.
        await listener.DisposeAsync();
        await server.Closed.Guarded();
        await client.Closed.WaitAsync(s_soon);
        TransportException failure = await reading.WaitAsync(s_soon);
        Assert.Equal((TransportError.ClosedByPeer, true), (failure.Error, failure.IsByPeer));
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task WhatAPeerSentBeforeItLeftCanStillBeAcceptedAndRead(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(wire: wire);
        CausewayConnection client = await ConnectAsync(listener, wire.Profile());
        for (byte i = 0; i < 3; i++)
        {
            await using CausewayStream stream = await client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new[] { i }).Guarded();
        }

        await client.CloseAsync().Guarded();
        await using CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        await server.Closed.WaitAsync(s_soon);
        for (byte i = 0; i < 3; i++)
        {
            await using CausewayStream stream = await server.AcceptStreamAsync().Guarded();
            byte[] read = new byte[2];
            Assert.Equal(1, await stream.ReadAtLeastAsync(read, 2, throwOnEndOfStream: false).AsTask().Guarded());
            Assert.Equal(i, read[0]);
        }

        await FailureOf(() => server.AcceptStreamAsync().AsTask());
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task ClientsThatLeaveInOrderLeaveNothingBehind(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(wire: wire);
        List<CausewayConnection> clients = [];
        for (int i = 0; i < 100; i++)
        {
            CausewayConnection client = await ConnectAsync(listener, wire.Profile());
            clients.Add(client);
            _ = await OpenAsync(client, listener);
        }

        Assert.Equal(100, listener.ConnectionCount);
        await Task.WhenAll(clients.Select(static client => client.CloseAsync().AsTask())).Guarded();
        await UntilAsync(() => listener.ConnectionCount == 0);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task AListenerThatStopsAcceptingRefusesNewOnesAndKeepsTheOthers(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(wire: wire);
        await using CausewayConnection first = await ConnectAsync(listener, wire.Profile());
        await using CausewayStream stream = await first.OpenStreamAsync().Guarded();
        await stream.WriteAsync(new byte[] { 1 }).Guarded();
        await using CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        listener.StopAccepting();
        TransportException failure = await RefusalAsync(listener, wire);
        Assert.Equal((TransportError.ConnectionRefused, true, true), (failure.Error, failure.IsByPeer, failure.IsTransient));
        Assert.InRange(listener.Statistics.BacklogFull, 1, 10);

        // The open one lives.
        await using CausewayStream accepted = await server.AcceptStreamAsync().Guarded();
        Assert.Equal(1, await accepted.ReadAsync(new byte[1]).Guarded());
        TransportException end = await Assert.ThrowsAsync<TransportException>(() => listener.AcceptConnectionAsync().Guarded());
        Assert.Equal(TransportError.ConnectionClosed, end.Error);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task RefusedConnectionIsTold(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(static options => options with { MaxConnections = 2 }, wire);
        await using CausewayConnection first = await ConnectAsync(listener, wire.Profile());
        await using CausewayConnection second = await ConnectAsync(listener, wire.Profile());
        await OpenAsync(first, listener);
        await OpenAsync(second, listener);
        TransportException failure = await RefusalAsync(listener, wire);
        Assert.Equal((TransportError.ConnectionRefused, true, true), (failure.Error, failure.IsByPeer, failure.IsTransient));
        Assert.InRange(listener.Statistics.ConnectionLimit, 1, 10);
        if (wire == Wire.Kcp)
        {
            Assert.Contains("as many connections", failure.Message, StringComparison.Ordinal);
            Assert.Equal(1, listener.Statistics.GoodbyesSent);
        }
        else
        {
            Assert.Equal((0x02, false), (failure.ErrorCode, failure.IsApplicationError));
        }

        // The next one is served as soon as there is room.
        await first.CloseAsync().Guarded();
        await UntilAsync(() => listener.ConnectionCount == 1);
        await using CausewayConnection fourth = await ConnectAsync(listener, wire.Profile());
        await OpenAsync(fourth, listener);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task FullBacklogIsTold(Wire wire)
    {
        await using CausewayListener listener = await ListenAsync(static options => options with { ConnectionBacklog = 1 }, wire);
        await using CausewayConnection first = await ConnectAsync(listener, wire.Profile());
        await (await first.OpenStreamAsync().Guarded()).FlushAsync().Guarded();
        await UntilAsync(() => listener.ConnectionCount == 1);
        TransportException failure = await RefusalAsync(listener, wire);
        Assert.Equal((TransportError.ConnectionRefused, true), (failure.Error, failure.IsTransient));
        Assert.InRange(listener.Statistics.BacklogFull, 1, 10);
        if (wire == Wire.Kcp)
        {
            Assert.Contains("wait", failure.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public async Task OtherVersionIsTold(int clientVersion, int serverVersion)
    {
        await using CausewayListener listener = await ListenAsync(options => options with { Profile = Version(serverVersion) });
        await using CausewayConnection client = await ConnectAsync(listener, Version(clientVersion));
        CausewayStream stream = await client.OpenStreamAsync().Guarded();
        TransportException failure = await FailureOf(() => stream.ReadAsync(new byte[1]).AsTask()).WaitAsync(s_soon);
        Assert.Equal((TransportError.ProtocolViolation, true, false), (failure.Error, failure.IsByPeer, failure.IsTransient));
        Assert.Contains("versions of smux", failure.Message, StringComparison.Ordinal);

        static KcpProfile Version(int version) => new() { Mux = new SmuxOptions { Version = version } };
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task ServerThatWasKilledAndCameBackSaysThatItForgot(Wire wire)
    {
        SwallowingLink? swallowing = null;
        CausewayListener listener = await ListenAsync(options => options with
        {
            ConfigureLink = builder => builder.Use(inner => swallowing = new SwallowingLink(inner)),
        }, wire);
        IPEndPoint address = (IPEndPoint)listener.LocalEndPoint;
        await using CausewayConnection client = await ConnectAsync(listener, wire.Profile());
        (CausewayStream stream, CausewayStream accepted, _) = await OpenAsync(client, listener);
        await accepted.WriteAsync(new byte[] { 1 }).Guarded();
        await stream.ReadExactlyAsync(new byte[1]).Guarded();

        // As after kill -9: nothing leaves any more, and the port is free.
        swallowing!.IsSwallowing = true;
        await listener.DisposeAsync();
        await using CausewayListener next = await ListenAsync(options => options with { ListenEndPoint = address }, wire);
        await stream.WriteAsync(new byte[] { 2 }).Guarded();
        TransportException failure = await FailureOf(() => stream.ReadAsync(new byte[1]).AsTask()).WaitAsync(s_soon);
        Assert.Equal((TransportError.ForgottenByPeer, true, true), (failure.Error, failure.IsByPeer, failure.IsTransient));
        Assert.Equal(0, next.ConnectionCount);
        Assert.InRange(next.Statistics.UnknownSession, 1, 100);

        await using CausewayConnection again = await ConnectAsync(next, wire.Profile());
        await OpenAsync(again, next);
    }

    [Fact]
    public async Task DatagramsOfNoSessionAreAnsweredWithNoMoreThanTheyBrought()
    {
        await using CausewayListener listener = await ListenAsync();
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(listener.LocalEndPoint);

        // An acknowledgement of 24 bytes, which is shorter than an answer; a goodbye that is an answer itself.
        await socket.SendAsync(Segment(SegmentCommand.Ack, unacknowledged: 5, payload: 0));
        byte[] goodbye = new byte[Goodbye.DatagramSize];
        new Goodbye(GoodbyeReason.Closed, IsAnswer: true).Write(goodbye, 7);
        await socket.SendAsync(goodbye);
        await UntilAsync(() => listener.Statistics.GoodbyesWithheld == 2);
        Assert.Equal(0, socket.Available);

        // What is in the middle of a conversation, and a goodbye that waits for an answer, get one of the same size at most.
        const int Count = 400;
        new Goodbye(GoodbyeReason.Closed, IsAnswer: false).Write(goodbye, 7);
        await socket.SendAsync(goodbye);
        byte[] middle = Segment(SegmentCommand.Push, unacknowledged: 5, payload: 4);
        for (int i = 1; i < Count; i++)
        {
            await socket.SendAsync(middle);

            // Not more than a socket's buffer holds.
            await UntilAsync(() => listener.Statistics.UnknownSession > i - 50);
        }

        byte[] answer = new byte[2000];
        Assert.Equal(Goodbye.DatagramSize, await socket.ReceiveAsync(answer).WaitAsync(s_soon));
        Assert.True(Goodbye.TryRead(answer.AsSpan(0, Goodbye.DatagramSize), out uint conversation, out Goodbye read));
        Assert.Equal((7u, GoodbyeReason.UnknownConversation, true), (conversation, read.Reason, read.IsAnswer));
        Assert.InRange(listener.Statistics.GoodbyesSent, 1, listener.Statistics.UnknownSession);
        Assert.Equal(0, listener.ConnectionCount);
    }

    [Fact]
    public async Task FirstFlightMayArriveInAnyOrder()
    {
        await using CausewayListener listener = await ListenAsync();
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(listener.LocalEndPoint);
        await socket.SendAsync(Segment(SegmentCommand.Push, unacknowledged: 0, payload: 4, sequence: 1));
        await using CausewayConnection connection = await listener.AcceptConnectionAsync().Guarded();
        Assert.Equal(1, listener.ConnectionCount);
    }

    [Theory]
    [InlineData(Wire.Kcp)]
    [InlineData(Wire.Quic)]
    public async Task ServerThatIsGoneIsNoticedAndAskedAgain(Wire wire)
    {
        SwallowingLink? swallowing = null;
        CausewayListener listener = await ListenAsync(options => options with
        {
            ConfigureLink = builder => builder.Use(inner => swallowing = new SwallowingLink(inner)),
        }, wire);
        CausewayConnection client = await ConnectAsync(listener, wire.Profile());
        (CausewayStream stream, _, _) = await OpenAsync(client, listener);
        Assert.False(client.IsUnresponsive);
        swallowing!.IsSwallowing = true;
        await listener.DisposeAsync();

        // On systems that tell a connected socket of a closed port, at once; elsewhere after two seconds of silence.
        await stream.WriteAsync(new byte[] { 1 }).Guarded();
        await UntilAsync(() => client.IsUnresponsive);

        // Closing does not wait for somebody who is known to be gone.
        if (OperatingSystem.IsLinux())
        {
            Stopwatch watch = Stopwatch.StartNew();
            await client.CloseAsync().Guarded();
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }
        else
        {
            await client.DisposeAsync().Guarded();
        }
    }

    private static async Task<CausewayListener> ListenAsync(
        Func<CausewayListenerOptions, CausewayListenerOptions>? change = null, Wire wire = Wire.Kcp)
    {
        CausewayListenerOptions options = new() { Profile = wire.Profile(), ListenEndPoint = s_any };
        return await CausewayListener.ListenAsync(change?.Invoke(options) ?? options);
    }

    private static async Task<CausewayConnection> ConnectAsync(CausewayListener listener, TransportProfile? profile = null) =>
        await CausewayConnection.ConnectAsync(new CausewayClientOptions
        {
            Profile = profile ?? new KcpProfile(),
            RemoteEndPoint = listener.LocalEndPoint,
            CloseTimeout = TimeSpan.FromSeconds(30),
        });

    private static async Task<(CausewayStream Client, CausewayStream Server, CausewayConnection Connection)> OpenAsync(
        CausewayConnection client, CausewayListener listener)
    {
        CausewayStream stream = await client.OpenStreamAsync().Guarded();
        await stream.FlushAsync().Guarded();
        CausewayConnection server = await listener.AcceptConnectionAsync().Guarded();
        return (stream, await server.AcceptStreamAsync().Guarded(), server);
    }

    /// <summary>What a client gets that a listener refuses: QUIC's while it shakes hands, KCP's with its first stream.</summary>
    private static async Task<TransportException> RefusalAsync(CausewayListener listener, Wire wire)
    {
        if (wire == Wire.Quic)
        {
            return await FailureOf(() => ConnectAsync(listener, wire.Profile())).WaitAsync(s_soon);
        }

        await using CausewayConnection refused = await ConnectAsync(listener, wire.Profile());
        CausewayStream stream = await refused.OpenStreamAsync().Guarded();
        return await FailureOf(() => stream.ReadAsync(new byte[1]).AsTask()).WaitAsync(s_soon);
    }

    private static async Task<TransportException> FailureOf(Func<Task> action) =>
        await Assert.ThrowsAsync<TransportException>(() => action().Guarded());

    private static byte[] Segment(SegmentCommand command, uint unacknowledged, int payload, uint sequence = 9)
    {
        byte[] bytes = new byte[SegmentHeader.Size + payload];
        new SegmentHeader
        {
            Conversation = 7,
            Command = command,
            Window = 128,
            Time = 0,
            Sequence = sequence,
            Unacknowledged = unacknowledged,
            Length = (uint)payload,
        }.Write(bytes);
        return bytes;
    }

    /// <summary>What is looked at happens on other threads; the limit only keeps a broken test from hanging.</summary>
    private static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Delay(1, CancellationToken.None);
        }
    }
}

/// <summary>A link that can be made to send nothing any more, as a process that was killed.</summary>
internal sealed class SwallowingLink(IDatagramLink inner) : IDatagramLink
{
    public bool IsSwallowing { get; set; }

    public DatagramLinkCapabilities Capabilities => inner.Capabilities;

    public EndPoint LocalEndPoint => inner.LocalEndPoint;

    public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        inner.ReceiveAsync(buffers, cancellationToken);

    public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
        IsSwallowing ? ValueTask.CompletedTask : inner.SendAsync(buffers, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
