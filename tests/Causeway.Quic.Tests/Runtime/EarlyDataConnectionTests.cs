using System.Net;
using Causeway.Links;
using Causeway.Protocol;

namespace Causeway.Quic.Tests.Runtime;

/// <summary>Early data through the public face: what goes before the handshake, what waits, and what both ends are told.</summary>
public sealed class EarlyDataConnectionTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly CausewayKey _key = CausewayKey.Create();

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task AReplaySafeStreamArrivesBeforeAnythingIsHeardOfTheServer()
    {
        QuicProfile server = Server;
        QuicProfile client = Client with { ResumptionTicket = await TicketAsync(server) };
        MuteLink? mute = null;
        await using CausewayListener listener = await ListenAsync(server, inner => mute = new MuteLink(inner));
        mute!.IsMute = true;
        await using CausewayConnection connection = await ConnectAsync(listener, client);
        CausewayStream early = await connection.OpenReplaySafeStreamAsync().AsTask().WaitAsync(s_patience);
        CausewayStream waiting = await connection.OpenStreamAsync().AsTask().WaitAsync(s_patience);
        Task late = waiting.WriteAsync("late"u8.ToArray(), completeWrites: true).AsTask();
        await early.WriteAsync("early"u8.ToArray(), completeWrites: true).AsTask().WaitAsync(s_patience);

        await using CausewayConnection accepted = await listener.AcceptConnectionAsync().AsTask().WaitAsync(s_patience);
        CausewayStream first = await accepted.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        Assert.Equal("early", await ReadAllAsync(first));
        Assert.Equal(early.Id, first.Id);
        Assert.False(late.IsCompleted);
        Assert.False(accepted.WaitForHandshakeAsync().IsCompleted);
        Assert.False(connection.WaitForHandshakeAsync().IsCompleted);
        Assert.Equal(("causeway", "causeway"), ($"{connection.NegotiatedApplicationProtocol}", $"{accepted.NegotiatedApplicationProtocol}"));

        // The answer is written at once and heard when the server is.
        await first.WriteAsync("answer"u8.ToArray(), completeWrites: true).AsTask().WaitAsync(s_patience);
        mute.IsMute = false;
        Assert.Equal("answer", await ReadAllAsync(early));
        await Task.WhenAll(accepted.WaitForHandshakeAsync(), connection.WaitForHandshakeAsync()).WaitAsync(s_patience);
        Assert.Equal("causeway", connection.NegotiatedApplicationProtocol.ToString());
        await late.WaitAsync(s_patience);
        CausewayStream second = await accepted.AcceptStreamAsync().AsTask().WaitAsync(s_patience);
        Assert.Equal("late", await ReadAllAsync(second));
        Assert.True(Statistics(connection).EarlyDataAccepted);
        Assert.True(Statistics(accepted).EarlyDataAccepted);
    }

    [Theory]
    [InlineData(false, 1024)]
    [InlineData(true, 100)]
    public async Task WhatAServerDoesNotTakeEarlyArrivesAfterTheHandshake(bool allows, int streams)
    {
        QuicProfile server = Server;
        QuicProfile client = Client with { ResumptionTicket = await TicketAsync(server) };
        await using CausewayListener listener = await ListenAsync(
            server with { AllowsEarlyData = allows, MaxInboundBidirectionalStreams = streams });
        await using CausewayConnection connection = await ConnectAsync(listener, client);
        CausewayStream early = await connection.OpenReplaySafeStreamAsync().AsTask().WaitAsync(s_patience);
        await early.WriteAsync("early"u8.ToArray(), completeWrites: true).AsTask().WaitAsync(s_patience);
        await using CausewayConnection accepted = await listener.AcceptConnectionAsync().AsTask().WaitAsync(s_patience);
        Assert.Equal("early", await ReadAllAsync(await accepted.AcceptStreamAsync().AsTask().WaitAsync(s_patience)));
        await Task.WhenAll(accepted.WaitForHandshakeAsync(), connection.WaitForHandshakeAsync()).WaitAsync(s_patience);
        Assert.False(Statistics(connection).EarlyDataAccepted);
        Assert.True(Statistics(connection).IsResumed);
    }

    [Fact]
    public async Task AConnectionThatBeganEarlyTellsThatTheServerIsAnother()
    {
        QuicProfile client = Client with { ResumptionTicket = await TicketAsync(Server) };
        using CausewayKey other = CausewayKey.Create();
        QuicProfile server = new() { ServerAuthentication = ServerAuthentication.WithKey(other), AllowsEarlyData = true };
        MuteLink? mute = null;
        await using CausewayListener listener = await ListenAsync(server, inner => mute = new MuteLink(inner));
        mute!.IsMute = true;
        await using CausewayConnection connection = await ConnectAsync(listener, client);
        CausewayStream early = await connection.OpenReplaySafeStreamAsync().AsTask().WaitAsync(s_patience);
        await early.WriteAsync("early"u8.ToArray()).AsTask().WaitAsync(s_patience);
        Task read = early.ReadAsync(new byte[1]).AsTask();
        mute.IsMute = false;
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => read.WaitAsync(s_patience));
        Assert.Equal((TransportError.ProtocolViolation, false, false), (error.Error, error.IsByPeer, error.IsTransient));
        await Assert.ThrowsAsync<TransportException>(() => connection.WaitForHandshakeAsync().WaitAsync(s_patience));
    }

    [Fact]
    public async Task WithoutATicketTheHandshakeComesFirst()
    {
        await using CausewayListener listener = await ListenAsync(Server);
        await using CausewayConnection connection = await ConnectAsync(listener, Client);
        Assert.True(connection.WaitForHandshakeAsync().IsCompletedSuccessfully);
        await using CausewayStream stream = await connection.OpenReplaySafeStreamAsync().AsTask().WaitAsync(s_patience);
        await stream.WriteAsync("x"u8.ToArray()).AsTask().WaitAsync(s_patience);
        Assert.False(Statistics(connection).EarlyDataAccepted);
    }

    [Fact]
    public async Task ATokenOfAnEarlierConnectionSparesTheRetry()
    {
        QuicProfile server = Server with { AddressValidation = AddressValidationMode.Always };
        ReadOnlyMemory<byte> token = default;
        foreach (int retries in (int[])[1, 0])
        {
            await using CausewayListener listener = await ListenAsync(server);
            await using CausewayConnection connection = await ConnectAsync(listener, Client with { AddressToken = token });
            while (Statistics(connection).AddressToken.IsEmpty)
            {
                await Task.Delay(1);
            }

            token = Statistics(connection).AddressToken;
            Assert.Equal(retries, Statistics(connection).Retries);
        }
    }

    private QuicProfile Server => new() { ServerAuthentication = ServerAuthentication.WithKey(_key), AllowsEarlyData = true };

    private QuicProfile Client => new() { ClientAuthentication = ClientAuthentication.Pinned(_key.Fingerprint), AllowsEarlyData = true };

    private static QuicStatistics Statistics(CausewayConnection connection) => (QuicStatistics)connection.Statistics.Transport;

    private static async Task<string> ReadAllAsync(CausewayStream stream)
    {
        using StreamReader reader = new(stream, leaveOpen: true);
        return await reader.ReadToEndAsync().WaitAsync(s_patience);
    }

    private async Task<ReadOnlyMemory<byte>> TicketAsync(QuicProfile server)
    {
        await using CausewayListener listener = await ListenAsync(server);
        await using CausewayConnection connection = await ConnectAsync(listener, Client);
        while (Statistics(connection).ResumptionTicket.IsEmpty)
        {
            await Task.Delay(1);
        }

        return Statistics(connection).ResumptionTicket;
    }

    private static ValueTask<CausewayListener> ListenAsync(QuicProfile profile, Func<IDatagramLink, IDatagramLink>? layer = null) =>
        CausewayListener.ListenAsync(new CausewayListenerOptions
        {
            ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
            Profile = profile,
            ConfigureLink = layer is null ? null : builder => builder.Use(layer),
        });

    private static async Task<CausewayConnection> ConnectAsync(CausewayListener listener, QuicProfile profile) =>
        await CausewayConnection.ConnectAsync(
            new CausewayClientOptions { RemoteEndPoint = listener.LocalEndPoint, Profile = profile }).AsTask().WaitAsync(s_patience);

    /// <summary>A link that can be kept from sending.</summary>
    private sealed class MuteLink(IDatagramLink inner) : IDatagramLink
    {
        public bool IsMute { get; set; }

        public DatagramLinkCapabilities Capabilities => inner.Capabilities;

        public EndPoint LocalEndPoint => inner.LocalEndPoint;

        public ValueTask<int> ReceiveAsync(Memory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            inner.ReceiveAsync(buffers, cancellationToken);

        public ValueTask SendAsync(ReadOnlyMemory<PacketBuffer> buffers, CancellationToken cancellationToken = default) =>
            IsMute ? ValueTask.CompletedTask : inner.SendAsync(buffers, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
