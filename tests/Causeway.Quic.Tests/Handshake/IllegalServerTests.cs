using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

using static Causeway.Quic.Tests.Handshake.MessageEditor;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>What a server may not send, and the alert with which our client answers.</summary>
public class IllegalServerTests
{
    private static readonly ExternalPsk s_psk = new("name"u8.ToArray(), RandomNumberGenerator.GetBytes(32));

    private static readonly TlsClientOptions s_retriedClient =
        HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519, NamedGroup.Secp256r1] };

    private static readonly TlsServerOptions s_retryingServer = HandshakePair.ServerOptions() with { Groups = [NamedGroup.Secp256r1] };

    private static readonly TlsServerOptions s_askingServer =
        HandshakePair.ServerOptions() with { ClientCertificates = ClientCertificateMode.Request };

    private static readonly TlsServerOptions s_ticketServer =
        HandshakePair.ServerOptions() with { Tickets = TicketSealer.Create(HandshakePair.Environment(3).Random), TicketCount = 1 };

    private static readonly IllegalCase[] s_cases =
    [
        // Versions and fixed fields (RFC 8446, 4.1.3, 4.2.1).
        Hello("no supported_versions", AlertDescription.ProtocolVersion, hello => Without(hello, ExtensionType.SupportedVersions)),
        Hello("downgrade to TLS 1.2", AlertDescription.IllegalParameter, hello => Splice(
            Without(hello, ExtensionType.SupportedVersions), 30, 8, [.. "DOWNGRD"u8, 1])),
        Hello("downgrade below TLS 1.2", AlertDescription.IllegalParameter, hello => Splice(
            Without(hello, ExtensionType.SupportedVersions), 30, 8, [.. "DOWNGRD"u8, 0])),
        Hello("no extensions", AlertDescription.ProtocolVersion, hello => Message(HandshakeType.ServerHello, hello[4..42])),
        Hello("version that was not offered", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.SupportedVersions, 3, 3)),
        Hello("list of versions", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.SupportedVersions, 2, 3, 4)),
        Hello("other legacy version", AlertDescription.IllegalParameter, hello => Flip(hello, 5, 7)),
        Hello("session id", AlertDescription.IllegalParameter, hello => Splice(hello, 38, 1, 1, 9)),
        Hello("compression", AlertDescription.IllegalParameter, hello => Splice(hello, 41, 1, 1)),
        Hello("suite that does not exist", AlertDescription.IllegalParameter, hello => Splice(hello, 39, 2, 0x13, 0x07)),
        Hello("grease suite", AlertDescription.IllegalParameter, hello => Splice(hello, 39, 2, 0x0a, 0x0a)),
        Hello("suite that was not offered", AlertDescription.IllegalParameter, hello => Splice(hello, 39, 2, 0x13, 0x02)) with
        {
            Client = HandshakePair.ClientOptions() with { CipherSuites = [CipherSuite.Aes128GcmSha256] },
        },
        Hello("cut short", AlertDescription.DecodeError, hello => Message(HandshakeType.ServerHello, hello[4..40])),
        Hello("a byte after it", AlertDescription.UnexpectedMessage, hello => [.. hello, 8]) with { ErrorCode = TransportErrorCode.ProtocolViolation },

        // Extensions of ServerHello (4.2).
        Hello("twice an extension", AlertDescription.IllegalParameter, hello => Duplicating(hello, ExtensionType.KeyShare)),
        Hello("extension that was not offered", AlertDescription.UnsupportedExtension, hello => With(hello, (ExtensionType)0x4242)),
        Hello("extension in the wrong message", AlertDescription.IllegalParameter, hello => With(hello, ExtensionType.QuicTransportParameters)),
        Hello("PSK that was not offered", AlertDescription.UnsupportedExtension, hello => With(hello, ExtensionType.PreSharedKey, 0, 0)),
        Hello("cookie", AlertDescription.UnsupportedExtension, hello => With(hello, ExtensionType.Cookie, 0, 1, 1)),

        // Key shares (4.2.8).
        Hello("no key share", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.KeyShare)),
        Hello("share of another group", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, [0, 0x17, 0, 32, .. new byte[32]])),
        Hello("share of low order", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, [0, 0x1d, 0, 32, .. new byte[32]])),
        Hello("short share", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, 0, 0x1d, 0, 1, 1)),
        Hello("share of a HelloRetryRequest", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.KeyShare, 0, 0x1d)),
        Hello("hybrid share of low order", AlertDescription.IllegalParameter, hello => EditShare(hello, share => share.AsSpan(4 + 1088).Clear())) with
        {
            Client = HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519MLKem768] },
        },

        // PSKs (4.2.11).
        Hello("second PSK of one", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.PreSharedKey, 0, 1)) with
        {
            Client = HandshakePair.ClientOptions() with { ExternalPsks = [s_psk] },
            Server = HandshakePair.ServerOptions() with { ExternalPsks = [s_psk] },
        },
        Hello("PSK of another hash", AlertDescription.IllegalParameter, hello => Splice(hello, 39, 2, 0x13, 0x02)) with
        {
            Client = HandshakePair.ClientOptions() with { ExternalPsks = [s_psk] },
            Server = HandshakePair.ServerOptions() with { ExternalPsks = [s_psk] },
        },

        // HelloRetryRequest (4.1.4).
        Retry("second", AlertDescription.UnexpectedMessage, _ => ServerHello.WriteRetryRequest([], CipherSuite.Aes128GcmSha256, NamedGroup.X25519)) with
        {
            Occurrence = 1,
        },
        Retry("nothing to change", AlertDescription.IllegalParameter, hello => Without(hello, ExtensionType.KeyShare)),
        Retry("group that had a share", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, 0, 0x1d)),
        Retry("group that was not offered", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, 0, 0x18)),
        Retry("extension that was not offered", AlertDescription.UnsupportedExtension, hello => With(hello, (ExtensionType)0x4242)),
        Retry("share of a ServerHello", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.KeyShare, 0, 0x17, 0, 1, 1)),
        Retry("empty cookie", AlertDescription.DecodeError, hello => With(hello, ExtensionType.Cookie, 0, 0)),
        Retry("endless cookie", AlertDescription.IllegalParameter, hello => With(hello, ExtensionType.Cookie, [0x75, 0x30, .. new byte[30000]])),
        Retry("another suite afterwards", AlertDescription.IllegalParameter, hello => Splice(hello, 39, 2, 0x13, 0x02)) with { Occurrence = 1 },
        Retry("another group afterwards", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, [0, 0x1d, 0, 32, .. new byte[32]])) with { Occurrence = 1 },

        // EncryptedExtensions (4.3.1; RFC 7301; RFC 9001, 8).
        Encrypted("twice an extension", AlertDescription.IllegalParameter, message => Duplicating(message, ExtensionType.QuicTransportParameters)),
        Encrypted("extension that was not offered", AlertDescription.UnsupportedExtension, message => With(message, (ExtensionType)0x4242)),
        Encrypted("extension in the wrong message", AlertDescription.IllegalParameter, message => With(message, ExtensionType.KeyShare)),
        Encrypted("early data that was not offered", AlertDescription.UnsupportedExtension, message => With(message, ExtensionType.EarlyData)),
        Encrypted("max_fragment_length", AlertDescription.UnsupportedExtension, message => With(message, ExtensionType.MaxFragmentLength, 1)),
        Encrypted("no protocol", AlertDescription.NoApplicationProtocol, message => Without(message, ExtensionType.ApplicationLayerProtocolNegotiation)),
        Encrypted("protocol that was not offered", AlertDescription.IllegalParameter, message => Replacing(message, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, 104, 51)),
        Encrypted("two protocols", AlertDescription.DecodeError, message => Replacing(message, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 4, 1, 97, 1, 98)),
        Encrypted("no transport parameters", AlertDescription.MissingExtension, message => Without(message, ExtensionType.QuicTransportParameters)),
        Encrypted("cut short", AlertDescription.DecodeError, message => Message(HandshakeType.EncryptedExtensions, message[4..^1])),

        // Order (4).
        Hello("EncryptedExtensions first", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.EncryptedExtensions, 0, 0)),
        Encrypted("Certificate first", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Certificate, 0, 0, 0, 0)),
        Encrypted("another ServerHello", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.ServerHello, new byte[38])),
        Certified("Finished without a certificate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Finished, new byte[32])),
        Certified("twice EncryptedExtensions", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.EncryptedExtensions, 0, 0)),
        Signed("Finished without a signature", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Finished, new byte[32])),
        AtFinished("KeyUpdate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.KeyUpdate, 0)),
        AtFinished("twice Certificate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Certificate, 0, 0, 0, 0)),
        AtFinished("wrong", AlertDescription.DecryptError, message => Flip(message, 10)),
        AtFinished("long", AlertDescription.DecodeError, message => Message(HandshakeType.Finished, [.. message[4..], 0])),
        AtFinished("a message after it", AlertDescription.UnexpectedMessage, message => [.. message, .. Message(HandshakeType.NewSessionTicket)]) with
        {
            ErrorCode = TransportErrorCode.ProtocolViolation,
        },

        // Certificates (4.3.2, 4.4).
        Requested("context", AlertDescription.IllegalParameter, message => Splice(message, 4, 1, 1, 1)),
        Requested("no signature_algorithms", AlertDescription.MissingExtension, message => Without(message, ExtensionType.SignatureAlgorithms)),
        Requested("twice an extension", AlertDescription.IllegalParameter, message => Duplicating(message, ExtensionType.SignatureAlgorithms)),
        Requested("extension of another message", AlertDescription.IllegalParameter, message => With(message, ExtensionType.KeyShare)),
        Requested("a second one", AlertDescription.UnexpectedMessage, message => [.. message, .. message]),
        Certified("none", AlertDescription.DecodeError, _ => Message(HandshakeType.Certificate, 0, 0, 0, 0)),
        Certified("context", AlertDescription.IllegalParameter, message => Splice(message, 4, 1, 1, 1)),
        Certified("garbage", AlertDescription.BadCertificate, _ => Message(HandshakeType.Certificate, 0, 0, 0, 6, 0, 0, 1, 48, 0, 0)),
        Certified("extension", AlertDescription.UnsupportedExtension, _ => Message(HandshakeType.Certificate, 0, 0, 0, 10, 0, 0, 1, 48, 0, 4, 0, 5, 0, 0)),
        Certified("too long", AlertDescription.IllegalParameter, _ => [11, 2, 0, 0, 0]),
        Certified("eleven", AlertDescription.BadCertificate, _ => Message(
            HandshakeType.Certificate, [0, 0, 0, 66, .. Enumerable.Repeat<byte[]>([0, 0, 1, 48, 0, 0], 11).SelectMany(entry => entry)])),
        Signed("wrong", AlertDescription.DecryptError, message => Flip(message, message.Length - 1)),
        Signed("PKCS #1 v1.5", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 4, 1)),
        Signed("scheme that was not offered", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 8, 7)) with
        {
            Client = HandshakePair.ClientOptions() with { SignatureSchemes = [SignatureScheme.EcdsaSecp256r1Sha256] },
        },
        Signed("scheme of another curve", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 5, 3)),
        Signed("not DER", AlertDescription.DecryptError, _ => Message(HandshakeType.CertificateVerify, 4, 3, 0, 2, 1, 1)),

        Signed("a key that is not for signatures", AlertDescription.UnsupportedCertificate, message => message) with
        {
            Server = HandshakePair.ServerOptions() with
            {
                Credentials = [HandshakeCredential.FromCertificate(TestCertificates.KeyEnciphermentOnly)],
            },
        },

        // Authentication that the options refuse.
        Hello("certificate where a PSK is needed", AlertDescription.HandshakeFailure, hello => hello) with
        {
            Client = HandshakePair.ClientOptions() with { ExternalPsks = [s_psk] },
        },
        Certified("key that is not pinned", AlertDescription.CertificateUnknown, message => message) with
        {
            Client = HandshakePair.ClientOptions() with { PinnedFingerprints = [PinnedKeys.FingerprintOf(TestCertificates.Rsa)] },
        },

        // After the handshake (4.6; RFC 9001, 4.4, 4.6.1, 6).
        Ticket("KeyUpdate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.KeyUpdate, 0)),
        Ticket("CertificateRequest", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.CertificateRequest, 0, 0, 0)),
        Ticket("HelloRequest of TLS 1.2", AlertDescription.UnexpectedMessage, _ => Message(0)),
        Ticket("cut short", AlertDescription.DecodeError, message => Message(HandshakeType.NewSessionTicket, message[4..20])),
        Ticket("empty ticket", AlertDescription.DecodeError, _ => Message(HandshakeType.NewSessionTicket, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
        Ticket("twice an extension", AlertDescription.IllegalParameter, message => With(With(message, (ExtensionType)0x4242), (ExtensionType)0x4242)),
        Ticket("extension of another message", AlertDescription.IllegalParameter, message => With(message, ExtensionType.ServerName)),
        Ticket("early data of a limited size", AlertDescription.IllegalParameter, message => With(message, ExtensionType.EarlyData, 0, 0, 64, 0)) with
        {
            ErrorCode = TransportErrorCode.ProtocolViolation,
        },
        Ticket("early data without a size", AlertDescription.DecodeError, message => With(message, ExtensionType.EarlyData)),
    ];

    public static TheoryData<string> Names => new(s_cases.Select(candidate => candidate.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void AnswersByTheAlertThatTheRfcNames(string name) => s_cases.Single(candidate => candidate.Name == name).Check();

    [Theory]
    [InlineData(AlertDescription.UnknownCa)]
    [InlineData(AlertDescription.CertificateExpired)]
    internal void ARefusedChainFailsWithTheAlertOfTheAnswer(AlertDescription alert)
    {
        using HandshakePair pair = new() { CertificateRefusal = new HandshakeFailure((byte)alert, "by the test") };
        pair.Run();
        Assert.Equal((byte)alert, pair.Client.Failure!.Alert);
        Assert.False(pair.Server.IsComplete);
    }

    [Fact]
    public void APinnedKeyIsTakenWithoutAQuestion()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { PinnedFingerprints = [PinnedKeys.FingerprintOf(TestCertificates.P256)] });
        pair.RunToCompletion();
        Assert.DoesNotContain(pair.ClientEvents, step => step.Kind == HandshakeEventKind.CertificateCheckNeeded);
    }

    private static IllegalCase Hello(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("ServerHello: " + name, EndpointRole.Server, HandshakeType.ServerHello, alert, edit);

    private static IllegalCase Retry(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("HelloRetryRequest: " + name, EndpointRole.Server, HandshakeType.ServerHello, alert, edit)
        {
            Client = s_retriedClient,
            Server = s_retryingServer,
        };

    private static IllegalCase Encrypted(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("EncryptedExtensions: " + name, EndpointRole.Server, HandshakeType.EncryptedExtensions, alert, edit);

    private static IllegalCase Requested(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("CertificateRequest: " + name, EndpointRole.Server, HandshakeType.CertificateRequest, alert, edit) { Server = s_askingServer };

    private static IllegalCase Certified(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("Certificate: " + name, EndpointRole.Server, HandshakeType.Certificate, alert, edit);

    private static IllegalCase Signed(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("CertificateVerify: " + name, EndpointRole.Server, HandshakeType.CertificateVerify, alert, edit);

    private static IllegalCase AtFinished(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("Finished: " + name, EndpointRole.Server, HandshakeType.Finished, alert, edit);

    private static IllegalCase Ticket(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("after the handshake: " + name, EndpointRole.Server, HandshakeType.NewSessionTicket, alert, edit) { Server = s_ticketServer };

    private static byte[] EditShare(byte[] hello, Action<byte[]> edit)
    {
        byte[] share = Extension(hello, ExtensionType.KeyShare);
        edit(share);
        return Replacing(hello, ExtensionType.KeyShare, share);
    }
}
