using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13;
using Causeway.Quic.Paths;
using Causeway.Quic.Tests.Handshake;
using Causeway.TestKit;

namespace Causeway.Quic.Tests.Simulation;

/// <summary>Early data (RFC 9001, 4.6): what goes early, what does not, and what becomes of it when it is refused.</summary>
public sealed class EarlyDataTests
{
    private readonly TlsServerOptions _server;

    public EarlyDataTests()
    {
        HandshakeEnvironment environment = HandshakePair.Environment(77);
        _server = HandshakePair.ServerOptions() with
        {
            Tickets = TicketSealer.Create(environment.Random),
            EarlyData = new StrikeRegister(64, environment, Timestamp.FromMilliseconds(1000)),
        };
    }

    [Fact]
    public void ReplaySafeStreamsArriveWithTheFirstFlight()
    {
        using QuicPair pair = Again(Ticket(), "Clean");
        pair.Client.IsReplaySafe = true;
        SessionStream stream = pair.Open(3000, 5000);
        pair.RunUntil(() => pair.Server.Streams.Count == 1, TimeSpan.FromSeconds(1));
        Assert.False(pair.Server.Session!.IsEstablished);
        Assert.True(pair.Server.Session.IsEarlyDataAccepted);
        pair.Connect();
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Equal(5000, stream.Read);
        Assert.True(pair.Client.Session!.IsEarlyDataAccepted);
        Assert.True(pair.Client.Session.Statistics.EarlyDataAccepted);
        pair.Close();
    }

    [Fact]
    public void OtherStreamsWaitForTheHandshake()
    {
        using QuicPair pair = Again(Ticket(), "Clean");
        SessionStream waiting = pair.Open(3000, 100);
        pair.Client.IsReplaySafe = true;
        pair.Open(2000, 100);
        pair.RunUntil(() => pair.Server.Streams.Values.Any(stream => stream.Read > 0), TimeSpan.FromSeconds(1));
        Assert.False(pair.Server.Session!.IsEstablished);
        Assert.Equal(0, waiting.Written);
        pair.Connect();
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Equal(3000, waiting.Written);
        pair.Close();
    }

    [Theory]
    [InlineData("Clean")]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    public void RefusedEarlyDataGoesAgain(string plan)
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            ReadOnlyMemory<byte> ticket = Ticket(seed);
            using QuicPair pair = Again(ticket, plan, seed, _server with { EarlyDataContext = new byte[] { 1 } });
            pair.Client.IsReplaySafe = true;
            pair.Open(20_000, 5000);
            pair.Open(20_000, 5000);
            pair.Connect();
            pair.Transfer(TimeSpan.FromSeconds(30));
            Assert.False(pair.Client.Session!.IsEarlyDataAccepted);
            Assert.False(pair.Server.Session!.Statistics.EarlyDataAccepted);
            pair.Close();
        }
    }

    [Theory]
    [InlineData("Lossy5")]
    [InlineData("Reordering")]
    [InlineData("Duplicating")]
    [InlineData("Corrupting")]
    public void EarlyDataSurvivesThePath(string plan)
    {
        int accepted = 0;
        for (ulong seed = 1; seed <= 10; seed++)
        {
            using QuicPair pair = Again(Ticket(seed), plan, seed);
            pair.Client.IsReplaySafe = true;
            pair.Open(20_000, 5000);
            pair.Client.IsReplaySafe = false;
            pair.Open(20_000, 5000);
            pair.Connect();
            pair.Transfer(TimeSpan.FromSeconds(30));
            accepted += pair.Client.Session!.IsEarlyDataAccepted == true ? 1 : 0;
            pair.Close();
        }

        Assert.True(accepted >= 8, $"accepted {accepted} of 10");
    }

    [Fact]
    public void EarlyDataSurvivesARetry()
    {
        using QuicPair pair = Again(Ticket(), "Clean", configure: s => s with { Retry = AddressValidationMode.Always });
        pair.Client.IsReplaySafe = true;
        pair.Open(10_000, 5000);
        pair.Connect();
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Equal(1, pair.Client.Session!.Statistics.Retries);
        Assert.True(pair.Client.Session.IsEarlyDataAccepted);
        pair.Close();
    }

    [Fact]
    public void EarlyDataKeepsItsVersion()
    {
        using QuicPair pair = Again(
            Ticket(), "Clean", configure: s => s with { Versions = [QuicVersion.V2, QuicVersion.V1] });
        pair.Client.IsReplaySafe = true;
        pair.Open(10_000, 5000);
        pair.Connect();
        pair.Transfer(TimeSpan.FromSeconds(10));
        Assert.Equal(QuicVersion.V2, pair.Client.Session!.Version);
        Assert.True(pair.Client.Session.IsEarlyDataAccepted);
        pair.Close();
    }

    [Fact]
    public void ACopyOfEarlyDataIsNotTakenTwice()
    {
        ReadOnlyMemory<byte> ticket = Ticket();
        List<byte[]> flight = [];
        using (QuicPair pair = Again(ticket, "Clean"))
        {
            pair.Forward.OnDatagram = (_, datagram, _) =>
            {
                flight.Add(datagram.Payload.ToArray());
                return DatagramVerdict.Pass;
            };
            pair.Client.IsReplaySafe = true;
            pair.Open(3000, 10);
            pair.Connect();
            pair.Forward.OnDatagram = null;
            pair.Transfer(TimeSpan.FromSeconds(10));
            Assert.True(pair.Client.Session!.IsEarlyDataAccepted);
        }

        // The whole flight again, at another server that shares keys and register.
        using QuicPair other = Again(ticket, "Clean", 9);
        other.Client.Filter = static _ => false;
        other.Forward.OnDatagram = static (_, _, _) => DatagramVerdict.Drop;
        foreach (byte[] bytes in flight)
        {
            PacketBuffer copy = other.Pool.Rent();
            bytes.CopyTo(copy.Append(bytes.Length));
            copy.Peer = other.ClientHost.Address;
            other.Server.Receive(copy, other.ServerHost.Now);
            copy.Release();
            other.Network.Run(TimeSpan.FromMilliseconds(10));
        }

        Assert.False(other.Server.Session!.IsEarlyDataAccepted);
        Assert.Empty(other.Server.Streams);
        other.Close();
    }

    [Fact]
    public void LoweredLimitsAfterAcceptedEarlyDataAreAnError()
    {
        ReadOnlyMemory<byte> ticket = Ticket();
        using QuicPair pair = Again(ticket, "Clean", configure: s => s with { BidirectionalStreams = 10 });
        pair.Client.IsReplaySafe = true;
        pair.Open(100, 100);
        pair.RunUntil(() => pair.HasFailed, TimeSpan.FromSeconds(5));
        Assert.Equal((long)TransportErrorCode.ProtocolViolation, pair.Client.Failure!.ErrorCode);
        pair.Close();
    }

    private ReadOnlyMemory<byte> Ticket(ulong seed = 1)
    {
        using QuicPair pair = new(FaultPlans.Named("Clean", seed), server: new QuicPeerOptions { Server = _server });
        pair.Connect();
        pair.RunUntil(() => pair.Client.Session!.LatestTicket.Length > 0, TimeSpan.FromSeconds(5));
        return pair.Client.Session!.LatestTicket.ToArray();
    }

    private QuicPair Again(
        ReadOnlyMemory<byte> ticket, string plan, ulong seed = 1, TlsServerOptions? server = null, Func<QuicSettings, QuicSettings>? configure = null) => new(
        FaultPlans.Named(plan, seed + 50),
        new QuicPeerOptions { Client = HandshakePair.ClientOptions() with { Session = ticket, OfferEarlyData = true } },
        new QuicPeerOptions { Server = server ?? _server, Configure = configure ?? (static s => s) },
        startAt: TimeSpan.FromSeconds(100));
}
