using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class ResumptionTests
{
    private static readonly Timestamp s_first = Timestamp.FromMilliseconds(1_000_000);
    private readonly TlsServerOptions _server;

    public ResumptionTests()
    {
        HandshakeEnvironment environment = HandshakePair.Environment(77);
        _server = HandshakePair.ServerOptions() with
        {
            Tickets = TicketSealer.Create(environment.Random),
            EarlyData = new StrikeRegister(64, environment, Timestamp.FromMilliseconds(1000)),
        };
    }

    [Fact]
    public void ResumesByATicketWithoutCertificates()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        using HandshakePair pair = Again(HandshakePair.ClientOptions() with { Session = blob }, _server);
        pair.RunToCompletion();
        Assert.True(pair.Client.IsResumed);
        Assert.True(pair.Server.IsResumed);
        Assert.DoesNotContain(pair.ClientEvents, step => step.Kind == HandshakeEventKind.CertificateCheckNeeded);
        Assert.Equal(TestCertificates.P256.RawData, pair.Client.PeerCertificates[0].ToArray());
        Assert.Equal(2, pair.Tickets().Count);
    }

    [Theory]
    [InlineData(CipherSuite.Aes256GcmSha384)]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256)]
    internal void ResumesByTheSuiteOfTheTicket(CipherSuite suite)
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions() with { CipherSuites = [suite] }, _server)[0];
        using HandshakePair pair = Again(HandshakePair.ClientOptions() with { Session = blob }, _server);
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
        Assert.Equal(suite, pair.Server.Suite);
    }

    [Fact]
    public void ResumesAfterAHelloRetryRequest()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        TlsClientOptions client = HandshakePair.ClientOptions() with
        {
            Session = blob,
            OfferEarlyData = true,
            Groups = [NamedGroup.X25519, NamedGroup.Secp256r1],
        };
        using HandshakePair pair = Again(client, _server with { Groups = [NamedGroup.Secp256r1] });
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
        Assert.Contains(pair.ClientEvents, step => step.Kind == HandshakeEventKind.EarlyDataRejected);
        Assert.Contains(pair.ServerEvents, step => step.Kind == HandshakeEventKind.EarlyDataRejected);
        Assert.False(pair.Server.AcceptedEarlyData);
    }

    [Fact]
    public void AcceptsEarlyDataOnceAndRefusesItsReplay()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        TlsClientOptions client = HandshakePair.ClientOptions() with { Session = blob, OfferEarlyData = true };
        using HandshakePair pair = Again(client, _server);
        byte[]? hello = null;
        pair.OnTheWay = (role, level, bytes) =>
        {
            hello ??= bytes;
            return bytes;
        };
        pair.RunToCompletion();
        Assert.True(pair.Server.AcceptedEarlyData);
        pair.AssertSecretsMatch(EncryptionLevel.EarlyData);
        Assert.Contains(pair.ClientEvents, step => step.Kind == HandshakeEventKind.EarlyDataAccepted);
        Assert.Equal(HandshakePair.ServerParameters, pair.Client.RememberedTransportParameters.ToArray());

        using Tls13Server replayed = new(HandshakePair.Environment(5));
        replayed.Input(EncryptionLevel.Initial, hello, pair.Now);
        replayed.AnswerServerOptions(_server, pair.Now);
        Assert.Null(replayed.Failure);
        Assert.True(replayed.IsResumed);
        Assert.False(replayed.AcceptedEarlyData);
    }

    [Fact]
    public void RefusesEarlyDataWhenItsContextChanged()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        TlsClientOptions client = HandshakePair.ClientOptions() with { Session = blob, OfferEarlyData = true };
        using HandshakePair pair = Again(client, _server with { EarlyDataContext = new byte[] { 1 } });
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
        Assert.False(pair.Server.AcceptedEarlyData);
        Assert.Contains(pair.ClientEvents, step => step.Kind == HandshakeEventKind.EarlyDataRejected);
    }

    [Fact]
    public void RefusesEarlyDataThatWasUnderwayTooLong()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        TlsClientOptions client = HandshakePair.ClientOptions() with { Session = blob, OfferEarlyData = true };
        using Tls13Client late = new(client, HandshakePair.Environment(6));
        late.Start(s_first.Add(TimeSpan.FromSeconds(20)));
        Assert.True(late.TryReadEvent(out HandshakeEvent hello));
        using Tls13Server server = new(HandshakePair.Environment(7));
        Timestamp arrival = s_first.Add(TimeSpan.FromSeconds(31));
        server.Input(EncryptionLevel.Initial, hello.Bytes.Span, arrival);
        server.AnswerServerOptions(_server, arrival);
        Assert.True(server.IsResumed);
        Assert.False(server.AcceptedEarlyData);
    }

    [Theory]
    [InlineData(25, true)]
    [InlineData(23, false)]
    public void AnExpiredTicketLeadsToAFullHandshake(int lifetimeHours, bool resumes)
    {
        TlsServerOptions server = _server with { TicketLifetime = TimeSpan.FromHours(lifetimeHours) };
        byte[] blob = Tickets(HandshakePair.ClientOptions(), server)[0];
        using HandshakePair pair = Again(
            HandshakePair.ClientOptions() with { Session = blob }, server, s_first.Add(TimeSpan.FromHours(24)));
        pair.RunToCompletion();
        Assert.Equal(resumes, pair.Server.IsResumed);
    }

    [Fact]
    public void ATicketOfAnotherServerLeadsToAFullHandshake()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        TlsServerOptions other = _server with { Tickets = TicketSealer.Create(HandshakePair.Environment(99).Random) };
        using HandshakePair pair = Again(HandshakePair.ClientOptions() with { Session = blob, OfferEarlyData = true }, other);
        pair.RunToCompletion();
        Assert.False(pair.Server.IsResumed);
        Assert.Contains(pair.ClientEvents, step => step.Kind == HandshakeEventKind.EarlyDataRejected);
    }

    [Fact]
    public void ServersThatShareASecretResumeEachOthersTickets()
    {
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        byte[] next = RandomNumberGenerator.GetBytes(32);
        TicketSealer before = new([secret], TimeSpan.FromHours(1), TimeSpan.FromDays(1));
        TicketSealer after = new([next, secret], TimeSpan.FromHours(1), TimeSpan.FromDays(1));
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server with { Tickets = before })[0];
        using HandshakePair pair = Again(
            HandshakePair.ClientOptions() with { Session = blob }, _server with { Tickets = after }, s_first.Add(TimeSpan.FromHours(5)));
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
    }

    [Fact]
    public void ATicketOfAnotherNameIsNotResumed()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        ClientSession session = ClientSession.TryDecode(blob)!;
        byte[] renamed = new ClientSession
        {
            Suite = session.Suite,
            Psk = session.Psk,
            Ticket = session.Ticket,
            LifetimeSeconds = session.LifetimeSeconds,
            AgeAdd = session.AgeAdd,
            ReceivedMilliseconds = session.ReceivedMilliseconds,
            AuthenticatedMilliseconds = session.AuthenticatedMilliseconds,
            AllowsEarlyData = true,
            ApplicationProtocol = session.ApplicationProtocol,
            ServerName = "other.test",
            Context = default,
            TransportParameters = session.TransportParameters,
            PeerCertificate = session.PeerCertificate,
            PskIdentity = default,
            PskFingerprint = default,
            LocalCertificateHash = default,
        }.Encode();
        using HandshakePair pair = Again(
            HandshakePair.ClientOptions() with { Session = renamed, ServerName = "other.test" }, _server);
        pair.RunToCompletion();
        Assert.False(pair.Server.IsResumed);
    }

    [Theory]
    [InlineData(1, 1, true)]
    [InlineData(2, 2, false)]
    [InlineData(1, 2, false)]
    public void ATicketOfAnotherQuicVersionIsNotUsed(byte client, byte server, bool resumes)
    {
        byte[] blob;
        using (HandshakePair first = new(HandshakePair.ClientOptions(), _server, now: s_first))
        {
            first.Client.SessionContext = first.Server.SessionContext = new byte[] { 1 };
            blob = first.RunToCompletion().Tickets()[0];
        }

        using HandshakePair pair = Again(HandshakePair.ClientOptions() with { Session = blob }, _server);
        pair.Client.SessionContext = new[] { client };
        pair.Server.SessionContext = new[] { server };
        pair.RunToCompletion();
        Assert.Equal(resumes, pair.Client.IsResumed);
        Assert.Equal(resumes, pair.Server.IsResumed);
    }

    [Fact]
    public void AServerThatTakesEarlyDataMustKeepItsProtocol()
    {
        TlsClientOptions client = HandshakePair.ClientOptions() with
        {
            ApplicationProtocols = [.. HandshakePair.Protocols, "zz"u8.ToArray()],
        };
        byte[] blob = Tickets(client, _server)[0];
        using HandshakePair pair = Again(client with { Session = blob, OfferEarlyData = true }, _server);
        pair.OnTheWay = (_, _, bytes) => MessageEditor.TypeOf(bytes) == HandshakeType.EncryptedExtensions
            ? MessageEditor.Replacing(bytes, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, (byte)'z', (byte)'z')
            : bytes;
        pair.Run();
        Assert.Equal((byte)AlertDescription.IllegalParameter, pair.Client.Failure!.Alert);
    }

    [Fact]
    public void EarlyDataIsRefusedWhenTheServerNowPrefersAnotherProtocol()
    {
        TlsClientOptions client = HandshakePair.ClientOptions() with
        {
            ApplicationProtocols = [.. HandshakePair.Protocols, "zz"u8.ToArray()],
        };
        byte[] blob = Tickets(client, _server)[0];
        using HandshakePair pair = Again(
            client with { Session = blob, OfferEarlyData = true },
            _server with { ApplicationProtocols = ["zz"u8.ToArray(), .. HandshakePair.Protocols] });
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
        Assert.False(pair.Server.AcceptedEarlyData);
        Assert.Equal("zz"u8.ToArray(), pair.Client.ApplicationProtocol.ToArray());
    }

    [Fact]
    public void ResumptionCanBeSwitchedOffAtEitherEnd()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        using HandshakePair byServer = Again(
            HandshakePair.ClientOptions() with { Session = blob }, _server with { AllowResumption = false });
        byServer.RunToCompletion();
        Assert.False(byServer.Client.IsResumed);
        Assert.Empty(byServer.Tickets());

        using HandshakePair byClient = Again(
            HandshakePair.ClientOptions() with { Session = blob, AllowResumption = false }, _server);
        byClient.RunToCompletion();
        Assert.False(byClient.Server.IsResumed);
        Assert.Empty(byClient.Tickets());
    }

    [Fact]
    public void ResumptionEndsWhenTheLastAuthenticationIsSevenDaysOld()
    {
        TicketSealer sealer = new([RandomNumberGenerator.GetBytes(32)], TimeSpan.FromDays(1), TimeSpan.FromDays(7));
        TlsServerOptions server = _server with { Tickets = sealer, TicketLifetime = TimeSpan.FromDays(7) };
        byte[] blob = Tickets(HandshakePair.ClientOptions(), server)[0];
        int resumed = 0;
        for (int day = 2; day <= 10; day += 2)
        {
            using HandshakePair pair = Again(
                HandshakePair.ClientOptions() with { Session = blob }, server, s_first.Add(TimeSpan.FromDays(day)));
            pair.RunToCompletion();
            resumed += pair.Server.IsResumed ? 1 : 0;
            Assert.Equal(day != 8, pair.Server.IsResumed);
            blob = pair.Tickets()[0];
        }

        Assert.Equal(4, resumed);
    }

    [Fact]
    public void TheClientsCertificateIsRememberedAndDemanded()
    {
        TlsServerOptions demanding = _server with { ClientCertificates = ClientCertificateMode.Require };
        TlsClientOptions client = HandshakePair.ClientOptions() with { Credential = TestCertificates.Credential("P-384") };
        byte[] blob = Tickets(client, demanding)[0];
        using HandshakePair pair = Again(client with { Session = blob }, demanding);
        pair.RunToCompletion();
        Assert.True(pair.Server.IsResumed);
        Assert.Equal(TestCertificates.P384.RawData, pair.Server.PeerCertificates[0].ToArray());

        byte[] anonymous = Tickets(HandshakePair.ClientOptions(), _server)[0];
        using HandshakePair refused = Again(client with { Session = anonymous }, demanding);
        refused.RunToCompletion();
        Assert.False(refused.Server.IsResumed);
    }

    [Fact]
    public void ASessionIsNotOfferedToOtherPins()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        ReadOnlyMemory<byte> right = PinnedKeys.FingerprintOf(TestCertificates.P256);
        using HandshakePair same = Again(
            HandshakePair.ClientOptions() with { Session = blob, PinnedFingerprints = [right] }, _server);
        same.RunToCompletion();
        Assert.True(same.Client.IsResumed);

        ReadOnlyMemory<byte> wrong = PinnedKeys.FingerprintOf(TestCertificates.P384);
        using HandshakePair other = Again(
            HandshakePair.ClientOptions() with { Session = blob, PinnedFingerprints = [wrong] }, _server);
        other.Run();
        Assert.False(other.Server.IsResumed);
        Assert.Equal((byte)AlertDescription.CertificateUnknown, other.Client.Failure!.Alert);
    }

    [Fact]
    public void AMutilatedSessionOnlyCostsTheResumption()
    {
        byte[] blob = Tickets(HandshakePair.ClientOptions(), _server)[0];
        for (int length = 0; length < blob.Length; length += 7)
        {
            Assert.Null(ClientSession.TryDecode(blob.AsMemory(0, length)));
        }

        using HandshakePair pair = Again(HandshakePair.ClientOptions() with { Session = blob.AsMemory(0, 100) }, _server);
        pair.RunToCompletion();
        Assert.False(pair.Client.IsResumed);
    }

    [Fact]
    public void AnExternalKeyAuthenticatesBothEnds()
    {
        ExternalPsk psk = new("name"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [psk] },
            _server with { ExternalPsks = [psk], Credentials = [] });
        pair.RunToCompletion();
        Assert.Equal("name"u8.ToArray(), pair.Server.PskIdentity.ToArray());
        Assert.Equal("name"u8.ToArray(), pair.Client.PskIdentity.ToArray());
        Assert.False(pair.Client.IsResumed);
        Assert.Empty(pair.Client.PeerCertificates);

        using HandshakePair again = Again(
            HandshakePair.ClientOptions() with { ExternalPsks = [psk], Session = pair.Tickets()[0], OfferEarlyData = true },
            _server with { ExternalPsks = [psk], Credentials = [] });
        again.RunToCompletion();
        Assert.True(again.Server.IsResumed);
        Assert.True(again.Server.AcceptedEarlyData);
        Assert.Equal("name"u8.ToArray(), again.Server.PskIdentity.ToArray());
    }

    [Fact]
    public void ASessionEndsWhenTheKeyBehindItIsReplaced()
    {
        ExternalPsk before = new("name"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        ExternalPsk after = before with { Key = RandomNumberGenerator.GetBytes(32) };
        TlsServerOptions server = _server with { ExternalPsks = [before], Credentials = [] };
        byte[] blob = Tickets(HandshakePair.ClientOptions() with { ExternalPsks = [before] }, server)[0];

        // The client has the new key and does not offer the session of the old.
        using HandshakePair renewed = Again(
            HandshakePair.ClientOptions() with { ExternalPsks = [after], Session = blob }, server with { ExternalPsks = [after] });
        renewed.RunToCompletion();
        Assert.False(renewed.Server.IsResumed);

        // The client has the old key still, and the server does not know its session any more.
        using HandshakePair revoked = Again(
            HandshakePair.ClientOptions() with { ExternalPsks = [before], Session = blob }, server with { ExternalPsks = [after] });
        revoked.Run();
        Assert.Equal((byte)AlertDescription.DecryptError, revoked.Server.Failure!.Alert);
    }

    [Fact]
    public void ASessionSpeaksForTheClientsCertificateOfThenOnly()
    {
        TlsServerOptions asking = _server with { ClientCertificates = ClientCertificateMode.Request };
        TlsClientOptions first = HandshakePair.ClientOptions() with { Credential = TestCertificates.Credential("P-384") };
        byte[] blob = Tickets(first, asking)[0];
        using HandshakePair other = Again(
            first with { Credential = TestCertificates.Credential("P-256"), Session = blob }, asking);
        other.RunToCompletion();
        Assert.False(other.Server.IsResumed);
        Assert.Equal(TestCertificates.P256.RawData, other.Server.PeerCertificates[0].ToArray());
    }

    [Fact]
    public void SharedWordsMakeTheSameKeyAtBothEnds()
    {
        ExternalPsk client = ExternalPsk.FromSharedSecret("many words that two people share");
        ExternalPsk server = ExternalPsk.FromSharedSecret("many words that two people share");
        Assert.Equal(client.Key.ToArray(), server.Key.ToArray());
        Assert.DoesNotContain(Convert.ToHexString(client.Key.Span), client.ToString(), StringComparison.OrdinalIgnoreCase);
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [client] },
            _server with { ExternalPsks = [server], Credentials = [] });
        pair.RunToCompletion();
    }

    [Fact]
    public void AFloodOfTicketsIsNotKept()
    {
        byte[] ticket = [];
        using HandshakePair pair = new(server: _server, now: s_first);
        pair.OnTheWay = (_, level, bytes) => level == EncryptionLevel.Application ? ticket = bytes : bytes;
        pair.RunToCompletion();
        for (int index = 0; index < 100; index++)
        {
            pair.Client.Input(EncryptionLevel.Application, ticket, pair.Now);
        }

        pair.Run(start: false);
        Assert.Equal(16, pair.Tickets().Count);
        Assert.Null(pair.Client.Failure);
    }

    [Fact]
    public void AnExternalKeyOfSha384NeedsASuiteOfThatHash()
    {
        ExternalPsk psk = new("name"u8.ToArray(), RandomNumberGenerator.GetBytes(48)) { Hash = HashAlgorithmName.SHA384 };
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [psk] }, _server with { ExternalPsks = [psk] });
        pair.RunToCompletion();
        Assert.Equal(CipherSuite.Aes256GcmSha384, pair.Server.Suite);
        Assert.Equal("name"u8.ToArray(), pair.Server.PskIdentity.ToArray());
    }

    [Fact]
    public void AnUnknownExternalKeyIsRefusedByItsAlert()
    {
        ExternalPsk client = new("one"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        ExternalPsk server = new("other"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [client] },
            _server with { ExternalPsks = [server], Credentials = [] });
        pair.Run();
        Assert.Equal((byte)AlertDescription.UnknownPskIdentity, pair.Server.Failure!.Alert);
    }

    [Fact]
    public void AnExternalKeyOfAnotherValueFailsItsBinder()
    {
        ExternalPsk client = new("one"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [client] },
            _server with { ExternalPsks = [client with { Key = RandomNumberGenerator.GetBytes(32) }] });
        pair.Run();
        Assert.Equal((byte)AlertDescription.DecryptError, pair.Server.Failure!.Alert);
    }

    [Fact]
    public void AClientThatNeedsAKeyRefusesACertificateInstead()
    {
        ExternalPsk client = new("one"u8.ToArray(), RandomNumberGenerator.GetBytes(32));
        using HandshakePair pair = new(HandshakePair.ClientOptions() with { ExternalPsks = [client] }, _server);
        pair.Run();
        Assert.Equal((byte)AlertDescription.HandshakeFailure, pair.Client.Failure!.Alert);

        using HandshakePair lenient = new(
            HandshakePair.ClientOptions() with { ExternalPsks = [client], RequirePsk = false }, _server);
        lenient.RunToCompletion();
    }

    private static HandshakePair Again(TlsClientOptions client, TlsServerOptions server, Timestamp? now = null) =>
        new(client, server, seed: 50, now ?? s_first.Add(TimeSpan.FromSeconds(5)));

    private static List<byte[]> Tickets(TlsClientOptions client, TlsServerOptions server)
    {
        using HandshakePair pair = new(client, server, now: s_first);
        pair.RunToCompletion();
        return pair.Tickets();
    }
}
