using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Causeway.Protocol;
using Causeway.Quic;
using Causeway.TestKit;

namespace Causeway.Tests;

/// <summary>What QUIC says of an end that kcptun cannot: codes, alerts, and who refused whom.</summary>
public sealed class QuicEndingTests
{
    [Theory]
    [InlineData(TransportError.ProtocolViolation, 0x12aL, false, false)] // An alert: the handshake was refused.
    [InlineData(TransportError.ProtocolViolation, 0x0aL, false, false)] // PROTOCOL_VIOLATION
    [InlineData(TransportError.ProtocolViolation, 0x01L, false, true)] // INTERNAL_ERROR
    [InlineData(TransportError.ProtocolViolation, 0x0fL, false, true)] // AEAD_LIMIT_REACHED
    [InlineData(TransportError.ProtocolViolation, 0x10L, false, true)] // NO_VIABLE_PATH
    [InlineData(TransportError.ConnectionRefused, 0x02L, false, true)]
    [InlineData(TransportError.ClosedByPeer, 0x0aL, true, true)]
    [InlineData(TransportError.IdleTimeout, null, false, true)]
    [InlineData(TransportError.ForgottenByPeer, null, false, true)]
    [InlineData(TransportError.ConnectionClosed, null, false, false)]
    public void TryingAgainHelpsOrNot(TransportError error, long? code, bool isApplicationError, bool expected) => Assert.Equal(
        expected, new TransportException(error, "") { ErrorCode = code, IsApplicationError = isApplicationError }.IsTransient);

    [Fact]
    public async Task AWriteThatMeetsThePeersGivingUpSaysSoWheneverItMeetsIt()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic);
        for (int i = 0; i < 1000; i++)
        {
            CausewayStream near = await peers.Client.OpenStreamAsync().Guarded();
            await near.WriteAsync(new byte[1]).Guarded();
            await using CausewayStream far = await peers.Server.AcceptStreamAsync().Guarded();
            Task givingUp = Task.Run(near.Abort);
            TransportException error = await Assert.ThrowsAsync<TransportException>(async () =>
            {
                while (true)
                {
                    await far.WriteAsync(new byte[1]).Guarded();
                }
            });
            Assert.Equal((TransportError.StreamClosedByPeer, true), (error.Error, error.IsByPeer));
            await givingUp;
        }
    }

    [Fact]
    public async Task AClientThatDoesNotAcceptTheServerSaysSoAtBothEnds()
    {
        await using CausewayListener listener = await ListenAsync(Wires.Quic);
        using CausewayKey other = CausewayKey.Create();
        TransportException error = await RefusalAsync(listener, new QuicProfile { ClientAuthentication = ClientAuthentication.Pinned(other.Fingerprint) });
        Assert.Equal((TransportError.ProtocolViolation, false, false, false), (error.Error, error.IsByPeer, error.IsTransient, error.IsApplicationError));
        Assert.InRange(error.ErrorCode!.Value, 0x100, 0x1ff);
        Assert.StartsWith("This side refused the peer: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"(TLS alert {error.ErrorCode - 0x100})", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AServerThatRefusesTheClientIsNamed()
    {
        await using CausewayListener listener = await ListenAsync(Wires.Quic);
        QuicProfile stranger = Wires.Quic;
        stranger = stranger with
        {
            ClientAuthentication = new SslClientAuthenticationOptions
            {
                TargetHost = "causeway",
                ApplicationProtocols = [new SslApplicationProtocol("another")],
                RemoteCertificateValidationCallback = static (_, shown, _, _) => shown?.Subject == "CN=causeway",
            },
        };
        TransportException error = await RefusalAsync(listener, stranger);

        // RFC 7301, 3.2: no_application_protocol.
        Assert.Equal((TransportError.ProtocolViolation, true, false, 0x178L), (error.Error, error.IsByPeer, error.IsTransient, error.ErrorCode));
        Assert.StartsWith("The peer ended the connection: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("(TLS alert 120)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CodesOfTheApplicationStandInTheText()
    {
        await using TestPeers peers = await TestPeers.ConnectAsync(Wires.Quic with { DefaultStreamErrorCode = 9 });
        using (X509Certificate2? shown = peers.Client.GetRemoteCertificate())
        {
            Assert.Equal("CN=causeway", shown!.Subject);
            Assert.Null(peers.Server.GetRemoteCertificate());
        }

        Task<int> reading = peers.ServerStream.ReadAsync(new byte[1]).AsTask();
        peers.ClientStream.Abort();
        TransportException error = await Assert.ThrowsAsync<TransportException>(() => reading.Guarded());
        Assert.Equal((9, true, true), (error.ErrorCode, error.IsByPeer, error.IsApplicationError));
        Assert.Contains("(application error 9)", error.Message, StringComparison.Ordinal);
        await peers.Client.CloseAsync(77, "enough").Guarded();
        await peers.Server.Closed.Guarded();
        Assert.Equal("The peer ended the connection: enough (application error 77)", peers.Server.Failure!.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACloseTakesARoundTripAndNoTimeout(bool hasStream)
    {
        VirtualTimeProvider time = new();
        await using MemoryPeers peers = await MemoryPeers.ConnectAsync(Wires.Quic, time: time);
        CausewayConnection server = await peers.Listener.AcceptConnectionAsync().Guarded();
        if (hasStream)
        {
            CausewayStream stream = await peers.Client.OpenStreamAsync().Guarded();
            await stream.WriteAsync(new byte[100]).Guarded();
            await stream.DisposeAsync();
        }

        // Datagrams take no time here; only acknowledgements of what was sent before wait, for 25 ms (RFC 9000, 18.2).
        Task closing = peers.Client.CloseAsync().AsTask();
        while (!server.Closed.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));

            // Only keeps the clock from running away from threads that have to wait for a processor.
            await Task.WhenAny(server.Closed, Task.Delay(1));
        }

        // From the peer's answer on the clock stands still: three probe timeouts would never pass.
        await closing.Guarded();
        Assert.Equal((TransportError.ClosedByPeer, 0), (server.Failure!.Error, server.Failure.ErrorCode));
        Assert.Null(peers.Client.Failure);
        // What the client wrote waits there to be accepted.
        await server.DisposeAsync().Guarded();
    }

    [Fact]
    public async Task ClientsThatShakeHandsAtOnceDoNotOverfillTheBacklog()
    {
        const int Clients = 20;
        const int Backlog = 3;
        await using CausewayListener listener = await ListenAsync(Wires.Quic, options => options with { ConnectionBacklog = Backlog });
        CausewayConnection?[] connections = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            try
            {
                return await ConnectAsync(listener, Wires.Quic);
            }
            catch (TransportException refused)
            {
                Assert.Equal(TransportError.ConnectionRefused, refused.Error);
                return null;
            }
        })).Guarded();

        // A client may have been established before the server refused it.
        CausewayConnection[] open = [.. connections.OfType<CausewayConnection>()];
        while (open.Count(static connection => !connection.Closed.IsCompleted) > Backlog)
        {
            await Task.WhenAny(open.Where(static connection => !connection.Closed.IsCompleted).Select(static connection => connection.Closed)).Guarded();
        }

        foreach (CausewayConnection refused in open.Where(static connection => connection.Closed.IsCompleted))
        {
            Assert.Equal((TransportError.ConnectionRefused, true, true), (refused.Failure!.Error, refused.Failure.IsByPeer, refused.Failure.IsTransient));
        }

        // A client that hears of its refusal late has asked again.
        Assert.InRange(listener.Statistics.BacklogFull, Clients - Backlog, 100 * Clients);
        for (int i = 0; i < Backlog; i++)
        {
            await listener.AcceptConnectionAsync().Guarded();
        }

        foreach (CausewayConnection connection in open)
        {
            await connection.DisposeAsync().Guarded();
        }
    }

    private static ValueTask<CausewayListener> ListenAsync(
        QuicProfile profile, Func<CausewayListenerOptions, CausewayListenerOptions>? change = null)
    {
        CausewayListenerOptions options = new() { Profile = profile, ListenEndPoint = new IPEndPoint(IPAddress.Loopback, 0) };
        return CausewayListener.ListenAsync(change?.Invoke(options) ?? options);
    }

    private static async Task<CausewayConnection> ConnectAsync(CausewayListener listener, TransportProfile profile) =>
        await CausewayConnection.ConnectAsync(new CausewayClientOptions { Profile = profile, RemoteEndPoint = listener.LocalEndPoint });

    private static Task<TransportException> RefusalAsync(CausewayListener listener, TransportProfile profile) =>
        Assert.ThrowsAsync<TransportException>(() => ConnectAsync(listener, profile).Guarded());
}
