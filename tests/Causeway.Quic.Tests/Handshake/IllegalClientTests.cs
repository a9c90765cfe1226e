using System.Security.Cryptography;

using Causeway.Protocol;
using Causeway.Quic.Handshake.Tls13;

using static Causeway.Quic.Tests.Handshake.MessageEditor;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>What a client may not send, and the alert with which our server answers.</summary>
public class IllegalClientTests
{
    private static readonly ExternalPsk s_psk = new("name"u8.ToArray(), RandomNumberGenerator.GetBytes(32));

    private static readonly TlsClientOptions s_pskClient = HandshakePair.ClientOptions() with { ExternalPsks = [s_psk] };

    private static readonly TlsServerOptions s_pskServer = HandshakePair.ServerOptions() with { ExternalPsks = [s_psk] };

    private static readonly TlsClientOptions s_retriedClient =
        HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519, NamedGroup.Secp256r1] };

    private static readonly TlsServerOptions s_retryingServer = HandshakePair.ServerOptions() with { Groups = [NamedGroup.Secp256r1] };

    private static readonly TlsClientOptions s_certifiedClient =
        HandshakePair.ClientOptions() with { Credential = TestCertificates.Credential("P-256") };

    private static readonly TlsServerOptions s_askingServer =
        HandshakePair.ServerOptions() with { ClientCertificates = ClientCertificateMode.Require };

    private static readonly IllegalCase[] s_cases =
    [
        // Versions (RFC 8446, 4.2.1).
        Hello("no supported_versions", AlertDescription.ProtocolVersion, hello => Without(hello, ExtensionType.SupportedVersions)),
        Hello("TLS 1.2 alone", AlertDescription.ProtocolVersion, hello => Replacing(hello, ExtensionType.SupportedVersions, 2, 3, 3)),
        Hello("no extensions at all", AlertDescription.ProtocolVersion, hello => Message(HandshakeType.ClientHello, hello[4..(CompressionOf(hello) + 2)])),

        Hello("version of SSL 3.0", AlertDescription.ProtocolVersion, hello => Splice(hello, 4, 2, 3, 0)),

        // Fixed fields (4.1.2).
        Hello("compression", AlertDescription.IllegalParameter, hello => Splice(hello, CompressionOf(hello), 2, 1, 1)),
        Hello("two compressions", AlertDescription.IllegalParameter, hello => Splice(hello, CompressionOf(hello), 2, 2, 0, 1)),
        Hello("odd cipher suites", AlertDescription.DecodeError, hello => Splice(hello, 39, 2, 0, 3)),
        Hello("no cipher suites", AlertDescription.DecodeError, hello => Splice(hello, 39, CompressionOf(hello) - 39, 0, 0)),
        Hello("session id", AlertDescription.IllegalParameter, hello => Splice(hello, 38, 1, 2, 9, 9)) with
        {
            ErrorCode = TransportErrorCode.ProtocolViolation,
        },
        Hello("session id too long", AlertDescription.DecodeError, hello => Splice(hello, 38, 1, [33, .. new byte[33]])),
        Hello("bytes after the extensions", AlertDescription.DecodeError, hello => Message(HandshakeType.ClientHello, [.. hello[4..], 0])),
        Hello("a byte after the message", AlertDescription.UnexpectedMessage, hello => [.. hello, 1]) with
        {
            ErrorCode = TransportErrorCode.ProtocolViolation,
        },

        // Extensions (4.2, 9.2; RFC 9001, 8.2).
        Hello("twice an extension", AlertDescription.IllegalParameter, hello => Duplicating(hello, ExtensionType.KeyShare)),
        Hello("twice an unknown extension", AlertDescription.IllegalParameter, hello => With(With(hello, (ExtensionType)0x4242), (ExtensionType)0x4242)),
        Hello("no key_share", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.KeyShare)),
        Hello("no supported_groups", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.SupportedGroups)),
        Hello("no signature_algorithms", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.SignatureAlgorithms)),
        Hello("no transport parameters", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.QuicTransportParameters)),
        Hello("empty server_name", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.ServerName)),
        Hello("server_name with a zero", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.ServerName, 0, 5, 0, 0, 2, 97, 0)),
        Hello("two host names", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.ServerName, 0, 8, 0, 0, 1, 97, 0, 0, 1, 98)),
        Hello("empty supported_groups", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.SupportedGroups, 0, 0)),

        // Application protocols (RFC 7301, 3.2; RFC 9001, 8.1).
        Hello("no protocols", AlertDescription.NoApplicationProtocol, hello => Without(hello, ExtensionType.ApplicationLayerProtocolNegotiation)),
        Hello("other protocol", AlertDescription.NoApplicationProtocol, hello => Replacing(hello, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, 104, 51)),
        Hello("empty protocol", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 1, 0)),

        // Key shares (4.2.8).
        Hello("share of a group that is not listed", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.SupportedGroups, 0, 2, 0, 0x17)),
        Hello("two shares of a group", AlertDescription.IllegalParameter, hello => Replacing(
            hello, ExtensionType.KeyShare, [0, 72, 0, 0x1d, 0, 32, .. new byte[32], 0, 0x1d, 0, 32, .. new byte[32]])),
        Hello("empty share", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.KeyShare, 0, 4, 0, 0x1d, 0, 0)),
        Hello("share of low order", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, [0, 36, 0, 0x1d, 0, 32, .. new byte[32]])),
        Hello("short share", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, 0, 5, 0, 0x1d, 0, 1, 9)),
        Hello("point off the curve", AlertDescription.IllegalParameter, hello => EditShare(hello, share => share[40] ^= 1)) with
        {
            Client = HandshakePair.ClientOptions() with { Groups = [NamedGroup.Secp256r1], Grease = false },
        },
        Hello("compressed point", AlertDescription.IllegalParameter, hello => EditShare(hello, share => share[6] = 2)) with
        {
            Client = HandshakePair.ClientOptions() with { Groups = [NamedGroup.Secp384r1], Grease = false },
        },
        Hello("hybrid share out of range", AlertDescription.IllegalParameter, hello => EditShare(hello, share => share.AsSpan(6, 3).Fill(255))) with
        {
            Client = HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519MLKem768], Grease = false },
        },
        Hello("hybrid share of low order", AlertDescription.IllegalParameter, hello => EditShare(hello, share => share.AsSpan(6 + 1184).Clear())) with
        {
            Client = HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519MLKem768], Grease = false },
        },

        // Nothing in common (4.1.1).
        Hello("no suite in common", AlertDescription.HandshakeFailure, hello => hello) with
        {
            Client = HandshakePair.ClientOptions() with { CipherSuites = [Quic.Handshake.CipherSuite.ChaCha20Poly1305Sha256] },
            Server = HandshakePair.ServerOptions() with { CipherSuites = [Quic.Handshake.CipherSuite.Aes128GcmSha256] },
        },
        Hello("no group in common", AlertDescription.HandshakeFailure, hello => hello) with { Server = s_retryingServer },
        Hello("no signature in common", AlertDescription.HandshakeFailure, hello => hello) with
        {
            Client = HandshakePair.ClientOptions() with { SignatureSchemes = [SignatureScheme.Ed25519] },
        },

        // PSKs and early data (4.2.9 to 4.2.11).
        PskHello("binder off", AlertDescription.DecryptError, hello => Flip(hello, hello.Length - 1)),
        PskHello("anything before the binder off", AlertDescription.DecryptError, hello => Flip(hello, 10)),
        PskHello("pre_shared_key not last", AlertDescription.IllegalParameter, hello => WithExtensions(hello, extensions => extensions.Add(((ExtensionType)0x4242, [])))),
        PskHello("no psk_key_exchange_modes", AlertDescription.MissingExtension, hello => Without(hello, ExtensionType.PskKeyExchangeModes)),
        PskHello("two binders for one PSK", AlertDescription.IllegalParameter, hello => WithExtensions(hello, extensions =>
        {
            byte[] data = extensions[^1].Data;
            byte[] identities = data[..(2 + data[1])];
            extensions[^1] = (ExtensionType.PreSharedKey, [.. identities, 0, 66, 32, .. new byte[32], 32, .. new byte[32]]);
        })),
        PskHello("short binder", AlertDescription.DecodeError, hello => WithExtensions(hello, extensions =>
        {
            byte[] data = extensions[^1].Data;
            extensions[^1] = (ExtensionType.PreSharedKey, [.. data[..(2 + data[1])], 0, 32, 31, .. new byte[31]]);
        })),
        PskHello("no PSKs", AlertDescription.DecodeError, hello => Replacing(hello, ExtensionType.PreSharedKey, [0, 0, 0, 33, 32, .. new byte[32]])),
        Hello("early data without a PSK", AlertDescription.IllegalParameter, hello => With(hello, ExtensionType.EarlyData)),
        Hello("early data with content", AlertDescription.DecodeError, hello => With(hello, ExtensionType.EarlyData, 1)),

        // The second ClientHello (4.1.2, 4.1.4, 4.2.8, 4.2.10).
        Second("the same share again", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.KeyShare, [0, 36, 0, 0x1d, 0, 32, .. new byte[31], 9])),
        Second("another random", AlertDescription.IllegalParameter, hello => Flip(hello, 10)),
        Second("other suites", AlertDescription.IllegalParameter, hello => Flip(hello, 44, 2)),
        Second("another name", AlertDescription.IllegalParameter, hello => Without(hello, ExtensionType.ServerName)),
        Second("other transport parameters", AlertDescription.IllegalParameter, hello => Replacing(hello, ExtensionType.QuicTransportParameters, 1)),
        Second("early data after a HelloRetryRequest", AlertDescription.IllegalParameter, hello => WithExtensions(hello, extensions =>
            extensions.Insert(0, (ExtensionType.EarlyData, [])))) with
        {
            Client = s_retriedClient with { ExternalPsks = [s_psk] },
            Server = s_retryingServer with { ExternalPsks = [s_psk] },
        },
        Second("binder off after a HelloRetryRequest", AlertDescription.DecryptError, hello => Flip(hello, hello.Length - 1)) with
        {
            Client = s_retriedClient with { ExternalPsks = [s_psk] },
            Server = s_retryingServer with { ExternalPsks = [s_psk] },
        },

        // Order (4, 4.4; RFC 9001, 6, 8.3).
        Hello("Finished first", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Finished, new byte[32])),
        Hello("unknown message", AlertDescription.UnexpectedMessage, _ => Message((HandshakeType)99)),
        Hello("HelloRequest of TLS 1.2", AlertDescription.UnexpectedMessage, _ => Message(0)),
        AtFinished("EndOfEarlyData", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.EndOfEarlyData)),
        AtFinished("KeyUpdate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.KeyUpdate, 0)),
        AtFinished("a certificate that was not asked for", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Certificate, 0, 0, 0, 0)),
        AtFinished("wrong Finished", AlertDescription.DecryptError, message => Flip(message, 10)),
        AtFinished("short Finished", AlertDescription.DecodeError, message => Message(HandshakeType.Finished, message[4..^1])),
        AtFinished("a message after Finished", AlertDescription.UnexpectedMessage, message => [.. message, .. Message(HandshakeType.KeyUpdate, 0)]) with
        {
            ErrorCode = TransportErrorCode.ProtocolViolation,
        },

        // Certificates (4.4.2, 4.4.3).
        Certified("Finished instead of a certificate", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Finished, new byte[32])),
        Certified("no certificate", AlertDescription.CertificateRequired, _ => Message(HandshakeType.Certificate, 0, 0, 0, 0)),
        Certified("context", AlertDescription.IllegalParameter, message => Splice(message, 4, 1, 1, 1)),
        Certified("garbage", AlertDescription.BadCertificate, _ => Message(HandshakeType.Certificate, 0, 0, 0, 6, 0, 0, 1, 48, 0, 0)),
        Certified("PEM", AlertDescription.BadCertificate, message => CertificateOf(
            System.Text.Encoding.ASCII.GetBytes(TestCertificates.P256.ExportCertificatePem()))),
        Certified("bytes after it", AlertDescription.BadCertificate, message => CertificateOf([.. TestCertificates.P256.RawData, 0])),
        Certified("empty entry", AlertDescription.DecodeError, _ => Message(HandshakeType.Certificate, 0, 0, 0, 5, 0, 0, 0, 0, 0)),
        Certified("extension", AlertDescription.UnsupportedExtension, _ => Message(HandshakeType.Certificate, 0, 0, 0, 10, 0, 0, 1, 48, 0, 4, 0, 5, 0, 0)),
        Certified("eleven certificates", AlertDescription.BadCertificate, _ => Message(
            HandshakeType.Certificate, [0, 0, 0, 66, .. Enumerable.Repeat<byte[]>([0, 0, 1, 48, 0, 0], 11).SelectMany(entry => entry)])),
        Certified("too long", AlertDescription.IllegalParameter, _ => [11, 2, 0, 0, 0]),
        Signed("wrong signature", AlertDescription.DecryptError, message => Flip(message, message.Length - 1)),
        Signed("PKCS #1 v1.5", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 4, 1)),
        Signed("scheme of another kind of key", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 8, 7)),
        Signed("unknown scheme", AlertDescription.IllegalParameter, message => Splice(message, 4, 2, 0x7a, 0x7a)),
        Signed("cut short", AlertDescription.DecodeError, message => Message(HandshakeType.CertificateVerify, message[4..^1])),
        Signed("Finished instead of a signature", AlertDescription.UnexpectedMessage, _ => Message(HandshakeType.Finished, new byte[32])),
    ];

    public static TheoryData<string> Names => new(s_cases.Select(candidate => candidate.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void AnswersByTheAlertThatTheRfcNames(string name) => s_cases.Single(candidate => candidate.Name == name).Check();

    [Fact]
    public void NamesOfCasesAreUnique() => Assert.Equal(s_cases.Length, s_cases.Select(candidate => candidate.Name).Distinct().Count());

    private static IllegalCase Hello(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new(name, EndpointRole.Client, HandshakeType.ClientHello, alert, edit);

    private static IllegalCase PskHello(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        Hello(name, alert, edit) with { Client = s_pskClient, Server = s_pskServer };

    private static IllegalCase Second(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        Hello("second ClientHello: " + name, alert, edit) with { Occurrence = 1, Client = s_retriedClient, Server = s_retryingServer };

    private static IllegalCase AtFinished(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new(name, EndpointRole.Client, HandshakeType.Finished, alert, edit);

    private static IllegalCase Certified(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("certificate: " + name, EndpointRole.Client, HandshakeType.Certificate, alert, edit)
        {
            Client = s_certifiedClient,
            Server = s_askingServer,
        };

    private static IllegalCase Signed(string name, AlertDescription alert, Func<byte[], byte[]> edit) =>
        new("signature: " + name, EndpointRole.Client, HandshakeType.CertificateVerify, alert, edit)
        {
            Client = s_certifiedClient,
            Server = s_askingServer,
        };

    /// <summary>A Certificate message of one entry, whatever it is.</summary>
    private static byte[] CertificateOf(byte[] entry) => Message(
        HandshakeType.Certificate,
        [
            0, 0, (byte)((entry.Length + 5) >> 8), (byte)(entry.Length + 5),
            0, (byte)(entry.Length >> 8), (byte)entry.Length, .. entry, 0, 0,
        ]);

    /// <summary>Changes the key_share: 2 bytes of the list's length, 2 of group, 2 of length, then the value.</summary>
    private static byte[] EditShare(byte[] hello, Action<byte[]> edit)
    {
        byte[] share = Extension(hello, ExtensionType.KeyShare);
        edit(share);
        return Replacing(hello, ExtensionType.KeyShare, share);
    }

    private static int CompressionOf(byte[] hello) => 39 + 2 + ((hello[39] << 8) | hello[40]);
}
