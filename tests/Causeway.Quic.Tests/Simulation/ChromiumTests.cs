using System.Text.Json;
using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Tests.Handshake;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>
/// The first flights of a real Chromium, recorded six times with its retransmissions: a ClientHello of two datagrams, cut and
/// shuffled, with a post-quantum share, grease and a connection id of no bytes.
/// </summary>
public sealed class ChromiumTests
{
    public static TheoryData<int> Connections => new(Enumerable.Range(0, 6));

    [Theory]
    [MemberData(nameof(Connections))]
    public void TheServerAnswersItsClientHello(int connection)
    {
        // The last datagram of the recording says that Chromium gave up.
        (Timestamp At, byte[] Bytes)[] flight = Flight(connection)[..^1];

        // In the order that it was sent, the other way round, without the first datagram or the second, and with everything twice.
        Expect(flight);
        Expect([.. flight.Reverse().Select((datagram, i) => (flight[i].At, datagram.Bytes))]);
        Expect([.. flight.Skip(1)]);
        Expect([flight[0], .. flight.Skip(2)]);
        Expect([.. flight.SelectMany(static datagram => new[] { datagram, datagram })]);
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public void TheServerHearsThatItGaveUp(int connection)
    {
        using PeerOfChromium server = new();
        foreach ((Timestamp, byte[]) datagram in Flight(connection))
        {
            server.Receive(datagram);
        }

        Assert.Equal(TransportFailureKind.ClosedByPeer, server.Session.Failure!.Kind);
        Assert.Contains("No recent network activity", server.Session.Failure.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Connections))]
    public void HalfOfItIsAnsweredByNothingButAcknowledgements(int connection)
    {
        using PeerOfChromium server = new();
        server.Receive(Flight(connection)[0]);
        Assert.Null(server.Session.Failure);
        Assert.Null(server.Session.Handshake!.ServerName);
    }

    private static void Expect((Timestamp At, byte[] Bytes)[] flight)
    {
        using PeerOfChromium server = new();
        foreach ((Timestamp, byte[]) datagram in flight)
        {
            server.Receive(datagram);
        }

        Assert.Null(server.Session.Failure);
        Assert.Equal("example.test", server.Session.Handshake!.ServerName);
        Assert.Equal("h3"u8.ToArray(), server.Session.Handshake.ApplicationProtocol.ToArray());
        Assert.Equal(NamedGroup.X25519MLKem768, server.Session.Handshake.Group);
        Assert.Equal(0, server.Session.PeerParameters.InitialSourceConnectionId!.Value.Length);
        Assert.InRange(server.Sent, 2 * QuicLimits.MinInitialDatagramSize, 3 * server.Received);
    }

    private static (Timestamp At, byte[] Bytes)[] Flight(int connection)
    {
        JsonElement connections = GoldenVectors.Load("chromium-initial.json").GetProperty("connections");
        return
        [
            .. connections[connection].EnumerateArray().Select(static entry =>
                (Timestamp.FromMilliseconds(1 + (long)(1000 * entry.GetProperty("time").GetDouble())), entry.Hex("datagram"))),
        ];
    }

    private sealed class PeerOfChromium : IDisposable
    {
        private readonly PacketPool _pool = new(track: true, stackTraces: false);
        private readonly PacketBatch _batch = new(32);
        private readonly QuicEndpoint _endpoint;
        private QuicSession? _session;

        public PeerOfChromium()
        {
            Random random = new(1);
            HandshakeEnvironment environment = new(random.NextBytes, DateTimeOffset.UnixEpoch);
            _endpoint = new QuicEndpoint(EndpointRole.Server, new QuicSettings
            {
                Handshake = _ => new Tls13Server(environment),
                Random = random.NextBytes,
                Link = new SessionLink(1350, 0, 0, _pool),
            });
        }

        public QuicSession Session => _session!;

        public long Received { get; private set; }

        public long Sent { get; private set; }

        public void Receive((Timestamp At, byte[] Bytes) datagram)
        {
            PacketBuffer buffer = _pool.Rent();
            datagram.Bytes.CopyTo(buffer.Append(datagram.Bytes.Length));
            Received += datagram.Bytes.Length;
            Routing routing = _endpoint.Route(buffer);
            if (routing.Kind == RoutingKind.Opening)
            {
                _session = _endpoint.Accept(default, routing.RoutingId, datagram.At);
            }

            Session.Input(buffer, datagram.At);
            buffer.Release();
            while (Session.Question is HandshakeEventKind.ServerOptionsNeeded)
            {
                ((Tls13Server)Session.Handshake!).AnswerServerOptions(
                    HandshakePair.ServerOptions() with { ApplicationProtocols = ["h3"u8.ToArray()], Groups = Options.Groups }, datagram.At);
                Session.OnQuestionAnswered(datagram.At);
            }

            Session.Flush(_batch, default, datagram.At);
            foreach (PacketBuffer sent in _batch.Span)
            {
                Sent += sent.Length;
            }

            _batch.ReleaseAll();
        }

        public void Dispose()
        {
            _session?.Dispose();
            _batch.Trim();
            _pool.ThrowIfOutstanding();
        }
    }

    private static TlsServerOptions Options { get; } = new();
}
