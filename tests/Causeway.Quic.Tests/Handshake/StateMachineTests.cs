using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>Questions, levels, limits, and what is left behind.</summary>
public class StateMachineTests
{
    [Fact]
    public void InputIsKeptWhileACheckIsUnderway()
    {
        using HandshakePair pair = new();
        List<(EncryptionLevel Level, byte[] Bytes)> flight = ServerFlight(pair);
        foreach ((EncryptionLevel level, byte[] bytes) in flight)
        {
            pair.Client.Input(level, bytes, pair.Now);
        }

        Assert.Contains(HandshakeEventKind.CertificateCheckNeeded, Kinds(pair.Client));
        Assert.False(pair.Client.IsComplete);
        Assert.Empty(Kinds(pair.Client));
        pair.Client.AnswerCertificateCheck(null, pair.Now);
        Assert.True(pair.Client.IsComplete);
        Assert.Contains(HandshakeEventKind.Completed, Kinds(pair.Client));
    }

    [Fact]
    public void AnswersThatNobodyAskedForHaveNoEffect()
    {
        using HandshakePair pair = new();
        pair.Client.AnswerCertificateCheck(null, pair.Now);
        pair.Server.AnswerCertificateCheck(new HandshakeFailure(42, "early"), pair.Now);
        pair.Server.AnswerServerOptions(HandshakePair.ServerOptions(), pair.Now);
        pair.Server.RefuseClientHello(new HandshakeFailure(112, "early"));
        pair.RunToCompletion();
        pair.Client.AnswerCertificateCheck(new HandshakeFailure(42, "late"), pair.Now);
        pair.Server.AnswerServerOptions(HandshakePair.ServerOptions(), pair.Now);
        Assert.Null(pair.Client.Failure);
        Assert.Null(pair.Server.Failure);
    }

    [Fact]
    public void AnAnswerAfterTheEndHasNoEffect()
    {
        HandshakePair pair = new();
        foreach ((EncryptionLevel level, byte[] bytes) in ServerFlight(pair))
        {
            pair.Client.Input(level, bytes, pair.Now);
        }

        pair.Dispose();
        pair.Client.AnswerCertificateCheck(null, pair.Now);
        Assert.Empty(Kinds(pair.Client));

        HandshakePair other = new();
        other.Client.Start(other.Now);
        Assert.True(other.Client.TryReadEvent(out HandshakeEvent hello));
        other.Server.Input(EncryptionLevel.Initial, hello.Bytes.Span, other.Now);
        other.Dispose();
        other.Server.AnswerServerOptions(HandshakePair.ServerOptions(), other.Now);
        other.Server.RefuseClientHello(new HandshakeFailure(112, "late"));
        Assert.Empty(Kinds(other.Server));
    }

    [Fact]
    public void AServerWithoutTheNameRefuses()
    {
        using HandshakePair pair = new();
        pair.Client.Start(pair.Now);
        Assert.True(pair.Client.TryReadEvent(out HandshakeEvent hello));
        pair.Server.Input(EncryptionLevel.Initial, hello.Bytes.Span, pair.Now);
        pair.Server.RefuseClientHello(new HandshakeFailure((byte)AlertDescription.UnrecognizedName, "no such name"));
        Assert.Contains(HandshakeEventKind.Failed, Kinds(pair.Server));
        Assert.Equal(0x170u, (ulong)pair.Server.Failure!.ErrorCode);
    }

    [Fact]
    public void BytesThatPileUpWhileAQuestionWaitsAreBounded()
    {
        using HandshakePair pair = new();
        foreach ((EncryptionLevel level, byte[] bytes) in ServerFlight(pair))
        {
            pair.Client.Input(level, bytes, pair.Now);
        }

        byte[] more = new byte[4096];
        int sent = 0;
        while (pair.Client.Failure is null && sent < 1_000_000)
        {
            pair.Client.Input(EncryptionLevel.Handshake, more, pair.Now);
            sent += more.Length;
        }

        Assert.InRange(sent, 100_000, 140_000);
        Assert.Equal(TransportErrorCode.CryptoBufferExceeded, pair.Client.Failure!.ErrorCode);
    }

    [Theory]
    [InlineData(64 * 1024, true)]
    [InlineData((64 * 1024) + 1, false)]
    public void AClientHelloHasAtMost64KiB(int length, bool taken)
    {
        using HandshakePair pair = new();
        pair.OnTheWay = (role, level, bytes) => role == EndpointRole.Client && level == EncryptionLevel.Initial
            ? MessageEditor.With(bytes, ExtensionType.Padding, new byte[length - bytes.Length - 4])
            : bytes;
        pair.Run();
        Assert.Equal(taken, pair.Server.Failure is null || pair.Server.Failure.Alert != (byte)AlertDescription.IllegalParameter);
        Assert.Equal(taken, pair.ServerEvents.Exists(step => step.Kind == HandshakeEventKind.ServerOptionsNeeded));
    }

    [Fact]
    public void ALongMessageIsRefusedByItsHeader()
    {
        using Tls13Server server = new(HandshakePair.Environment(1));
        server.Input(EncryptionLevel.Initial, [1, 1, 0, 1], Timestamp.Zero);
        Assert.Equal((byte)AlertDescription.IllegalParameter, server.Failure!.Alert);
    }

    [Theory]
    [InlineData(EncryptionLevel.Initial)]
    [InlineData(EncryptionLevel.EarlyData)]
    [InlineData(EncryptionLevel.Handshake)]
    internal void BytesOfALevelThatIsOverFailTheHandshake(EncryptionLevel level)
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        pair.Server.Input(level, [1], pair.Now);
        Assert.Equal(TransportErrorCode.ProtocolViolation, pair.Server.Failure!.ErrorCode);
        Assert.Equal([HandshakeEventKind.Failed], Kinds(pair.Server));
    }

    [Fact]
    public void BytesOfALevelThatIsNotYetThereFailTheHandshake()
    {
        using HandshakePair pair = new();
        pair.Client.Start(pair.Now);
        pair.Client.Input(EncryptionLevel.Handshake, [8], pair.Now);
        Assert.Equal(TransportErrorCode.ProtocolViolation, pair.Client.Failure!.ErrorCode);
    }

    [Theory]
    [InlineData(HandshakeType.KeyUpdate)]
    [InlineData(HandshakeType.Certificate)]
    [InlineData(HandshakeType.NewSessionTicket)]
    internal void AClientMayNotSendAnythingAfterItsFinished(HandshakeType type)
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        pair.Server.Input(EncryptionLevel.Application, MessageEditor.Message(type, 0), pair.Now);
        Assert.Equal((byte)AlertDescription.UnexpectedMessage, pair.Server.Failure!.Alert);
    }

    [Fact]
    public void NothingComesAfterFailure()
    {
        using HandshakePair pair = new();
        pair.Client.Start(pair.Now);
        Kinds(pair.Client);
        pair.Client.Input(EncryptionLevel.Initial, MessageEditor.Message(HandshakeType.Finished), pair.Now);
        Assert.Equal([HandshakeEventKind.Failed], Kinds(pair.Client));
        pair.Client.Input(EncryptionLevel.Initial, [1, 2, 3], pair.Now);
        Assert.Empty(Kinds(pair.Client));
    }

    [Fact]
    public void SecretsAreZeroedByTheNextCall()
    {
        using HandshakePair pair = new();
        foreach ((EncryptionLevel level, byte[] bytes) in ServerFlight(pair))
        {
            pair.Client.Input(level, bytes, pair.Now);
        }

        List<ReadOnlyMemory<byte>> secrets = [];
        bool wasSet = true;
        while (pair.Client.TryReadEvent(out HandshakeEvent step))
        {
            if (step.Kind is HandshakeEventKind.ReadSecret or HandshakeEventKind.WriteSecret)
            {
                secrets.Add(step.Bytes);
                wasSet &= step.Bytes.Span.ContainsAnyExcept((byte)0);
            }
        }

        Assert.True(wasSet);
        Assert.Equal(2, secrets.Count);
        Assert.All(secrets, secret => Assert.False(secret.Span.ContainsAnyExcept((byte)0)));
    }

    [Fact]
    public void ADisposedHandshakeExportsNothing()
    {
        HandshakePair pair = new();
        pair.RunToCompletion();
        pair.Dispose();
        Assert.False(pair.Client.TryExport("EXPORTER-test"u8, [], new byte[8]));
        pair.Dispose();
    }

    [Fact]
    public void KeyLogsOfBothEndsHaveTheSameLines()
    {
        List<string> client = [];
        List<string> server = [];
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { KeyLog = (label, random, secret) => client.Add(Line(label, random, secret)) },
            HandshakePair.ServerOptions() with { KeyLog = (label, random, secret) => server.Add(Line(label, random, secret)) });
        pair.RunToCompletion();
        Assert.Equal(5, client.Count);
        Assert.Equal(client, server);
        Assert.Equal(
            [
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET",
            ],
            client.Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)]));
        byte[] handshakeSecret = pair.ClientEvents.Single(
            step => step is { Kind: HandshakeEventKind.WriteSecret, Level: EncryptionLevel.Handshake }).Bytes;
        Assert.EndsWith(Convert.ToHexStringLower(handshakeSecret), client[0], StringComparison.Ordinal);

        static string Line(string label, ReadOnlySpan<byte> random, ReadOnlySpan<byte> secret) =>
            $"{label} {Convert.ToHexStringLower(random)} {Convert.ToHexStringLower(secret)}";
    }

    [Fact]
    public void TheClientHelloHasGreaseAndNoSessionId()
    {
        using HandshakePair pair = new();
        pair.Client.Start(pair.Now);
        Assert.True(pair.Client.TryReadEvent(out HandshakeEvent step));
        Assert.Equal(AlertDescription.CloseNotify, ClientHello.Parse(step.Bytes, out ClientHello hello));
        Assert.True(hello.SessionId.IsEmpty);
        Assert.True(IsGrease(hello.CipherSuites.Span));
        Assert.True(IsGrease(hello.Groups.Span));
        Assert.Equal(2, Enumerable.Range(0, hello.Extensions.Count).Count(index => ((int)hello.Extensions[index].Type & 0x0f0f) == 0x0a0a));
        Assert.True(hello.OffersTls13);

        static bool IsGrease(ReadOnlySpan<byte> list) => (list[0] & 0x0f) == 0x0a && list[0] == list[1];
    }

    [Fact]
    public void GreaseCanBeSwitchedOff()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { Grease = false }, HandshakePair.ServerOptions() with { Grease = false });
        pair.RunToCompletion();
    }

    [Fact]
    public void TheServersOrderOfSuitesAndGroupsDecides()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with
            {
                Groups = [NamedGroup.X25519, NamedGroup.Secp256r1],
                KeyShareGroups = [NamedGroup.X25519, NamedGroup.Secp256r1],
            },
            HandshakePair.ServerOptions() with
            {
                Groups = [NamedGroup.Secp256r1, NamedGroup.X25519],
                CipherSuites = [CipherSuite.ChaCha20Poly1305Sha256, CipherSuite.Aes128GcmSha256],
            });
        pair.RunToCompletion();
        Assert.Equal(NamedGroup.Secp256r1, pair.Client.Group);
        Assert.Equal(CipherSuite.ChaCha20Poly1305Sha256, pair.Client.Suite);
    }

    [Fact]
    public void TheHybridComesFirstByDefaultAndNeedsNoRetry()
    {
        TlsClientOptions client = HandshakePair.ClientOptions() with { Groups = new TlsClientOptions().Groups };
        using HandshakePair both = new(client);
        both.RunToCompletion();
        Assert.Equal(NamedGroup.X25519MLKem768, both.Server.Group);

        using HandshakePair old = new(client, HandshakePair.ServerOptions() with { Groups = [NamedGroup.X25519] });
        old.RunToCompletion();
        Assert.Equal(NamedGroup.X25519, old.Server.Group);
        Assert.Single(old.ClientEvents, step => step is { Kind: HandshakeEventKind.Output, Level: EncryptionLevel.Initial });
    }

    [Fact]
    public void ACredentialThatTheClientCanVerifyIsChosen()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { SignatureSchemes = [SignatureScheme.RsaPssRsaeSha384, SignatureScheme.Ed25519] },
            HandshakePair.ServerOptions() with
            {
                Credentials =
                [
                    TestCertificates.Credential("P-256"), TestCertificates.Credential("RSA"), TestCertificates.Credential("Ed25519"),
                ],
            });
        pair.RunToCompletion();
        Assert.Equal(TestCertificates.Rsa.RawData, pair.Client.PeerCertificates[0].ToArray());
    }

    [Fact]
    public void AClientWithoutASuitableCertificateSaysThatItHasNone()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { Credential = TestCertificates.Credential("P-384") },
            HandshakePair.ServerOptions() with
            {
                ClientCertificates = ClientCertificateMode.Request,
                SignatureSchemes = [SignatureScheme.EcdsaSecp256r1Sha256],
            });
        pair.RunToCompletion();
        Assert.Empty(pair.Server.PeerCertificates);
        Assert.Contains(pair.ServerEvents, step => step.Kind == HandshakeEventKind.CertificateCheckNeeded);
    }

    [Theory]
    [InlineData("10.1.2.3")]
    [InlineData("::1")]
    [InlineData("")]
    public void AnAddressIsNotSentAsAName(string name)
    {
        using HandshakePair pair = new(HandshakePair.ClientOptions() with { ServerName = name });
        pair.RunToCompletion();
        Assert.Null(pair.Server.ServerName);
    }

    [Fact]
    public void OptionsThatCannotWorkAreRefusedByName()
    {
        Refuses(nameof(TlsOptions.ApplicationProtocols), HandshakePair.ClientOptions() with { ApplicationProtocols = [] });
        Refuses(nameof(TlsOptions.ApplicationProtocols), HandshakePair.ClientOptions() with { ApplicationProtocols = [new byte[256]] });
        Refuses(nameof(TlsOptions.CipherSuites), HandshakePair.ClientOptions() with { CipherSuites = [] });
        Refuses(nameof(TlsOptions.CipherSuites), HandshakePair.ClientOptions() with { CipherSuites = [(CipherSuite)0x1305] });
        Refuses(nameof(TlsOptions.Groups), HandshakePair.ClientOptions() with { Groups = [(NamedGroup)0x19] });
        Refuses(nameof(TlsOptions.PinnedFingerprints), HandshakePair.ClientOptions() with { PinnedFingerprints = [new byte[20]] });
        Refuses(nameof(TlsClientOptions.KeyShareGroups), HandshakePair.ClientOptions() with { KeyShareGroups = [NamedGroup.Secp384r1] });
        Refuses(nameof(TlsServerOptions.Credentials), HandshakePair.ServerOptions() with { Credentials = [] });
        Refuses(nameof(TlsServerOptions.TicketLifetime), HandshakePair.ServerOptions() with { TicketLifetime = TimeSpan.FromDays(8) });

        static void Refuses(string property, TlsOptions options) =>
            Assert.Contains(property, Assert.Throws<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
    }

    private static List<(EncryptionLevel Level, byte[] Bytes)> ServerFlight(HandshakePair pair)
    {
        pair.Client.Start(pair.Now);
        Assert.True(pair.Client.TryReadEvent(out HandshakeEvent hello));
        pair.Server.Input(EncryptionLevel.Initial, hello.Bytes.Span, pair.Now);
        pair.Server.AnswerServerOptions(HandshakePair.ServerOptions(), pair.Now);
        List<(EncryptionLevel Level, byte[] Bytes)> flight = [];
        while (pair.Server.TryReadEvent(out HandshakeEvent step))
        {
            if (step.Kind == HandshakeEventKind.Output)
            {
                flight.Add((step.Level, step.Bytes.ToArray()));
            }
        }

        return flight;
    }

    private static List<HandshakeEventKind> Kinds(Tls13Handshake handshake)
    {
        List<HandshakeEventKind> kinds = [];
        while (handshake.TryReadEvent(out HandshakeEvent step))
        {
            kinds.Add(step.Kind);
        }

        return kinds;
    }
}
