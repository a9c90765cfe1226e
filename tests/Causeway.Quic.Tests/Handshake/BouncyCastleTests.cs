using System.Text;

using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

using BcCipherSuite = Org.BouncyCastle.Tls.CipherSuite;
using BcNamedGroup = Org.BouncyCastle.Tls.NamedGroup;
using BcSignatureScheme = Org.BouncyCastle.Tls.SignatureScheme;
using CipherSuite = Causeway.Quic.Handshake.CipherSuite;
using NamedGroup = Causeway.Quic.Handshake.Tls13.NamedGroup;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>
/// Our handshake against that of BouncyCastle, which also knows the hybrid group, Ed25519 and external PSKs.
/// </summary>
public class BouncyCastleTests
{
    // quic_transport_parameters (RFC 9001, 8.2).
    private const int TransportParameters = 57;

    private static readonly byte[] s_pskKey = [.. Enumerable.Range(0, 32).Select(index => (byte)index)];
    private static readonly byte[] s_pskName = Encoding.ASCII.GetBytes("shared name");

    public static TheoryData<int, string, string> Combinations => new()
    {
        { BcCipherSuite.TLS_AES_128_GCM_SHA256, "X25519MLKem768", "Ed25519" },
        { BcCipherSuite.TLS_AES_256_GCM_SHA384, "X25519", "Ed25519" },
        { BcCipherSuite.TLS_CHACHA20_POLY1305_SHA256, "Secp256r1", "Ed25519" },
        { BcCipherSuite.TLS_AES_256_GCM_SHA384, "Secp384r1", "Ed25519" },
        { BcCipherSuite.TLS_AES_256_GCM_SHA384, "X25519MLKem768", "psk" },
        { BcCipherSuite.TLS_AES_128_GCM_SHA256, "X25519MLKem768", "psk" },
        { BcCipherSuite.TLS_AES_128_GCM_SHA256, "X25519", "psk" },
    };

    [Theory]
    [MemberData(nameof(Combinations))]
    public void OurClientTalksToItsServer(int suite, string group, string kind)
    {
        bool byPsk = kind == "psk";
        bool isSha384 = suite == BcCipherSuite.TLS_AES_256_GCM_SHA384;
        ExternalPsk psk = Psk(isSha384);
        using Tls13Client client = new(
            HandshakePair.ClientOptions() with
            {
                RequireQuic = false,
                CipherSuites = [(CipherSuite)suite],
                Groups = [Enum.Parse<NamedGroup>(group)],
                ExternalPsks = byPsk ? [psk] : [],
                Credential = byPsk ? null : TestCertificates.Ed25519,
            },
            HandshakePair.Environment(31));
        using TlsRecordPeer peer = new(client);
        TlsServerProtocol protocol = new();
        Server server = new(suite, GroupOf(group), byPsk);
        protocol.Accept(server);
        Exchange(peer, protocol);
        Assert.Null(client.Failure);
        Assert.True(client.IsComplete);
        Assert.Equal(server.Exported, Export(client));
        Assert.Equal(byPsk ? s_pskName : [], client.PskIdentity.ToArray());
        if (!byPsk)
        {
            Assert.Equal(TestCertificates.Ed25519.Chain[0].ToArray(), server.ClientCertificate);
            Assert.Equal(TestCertificates.Ed25519.Chain[0].ToArray(), client.PeerCertificates[0].ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void OurServerTalksToItsClient(int suite, string group, string kind)
    {
        bool byPsk = kind == "psk";
        bool isSha384 = suite == BcCipherSuite.TLS_AES_256_GCM_SHA384;
        ExternalPsk psk = Psk(isSha384);
        TlsServerOptions options = HandshakePair.ServerOptions() with
        {
            RequireQuic = false,
            Groups = [Enum.Parse<NamedGroup>(group)],
            ExternalPsks = byPsk ? [psk] : [],
            Credentials = byPsk ? [] : [TestCertificates.Ed25519],
            ClientCertificates = byPsk ? ClientCertificateMode.None : ClientCertificateMode.Require,
            Tickets = TicketSealer.Create(HandshakePair.Environment(32).Random),
        };
        using Tls13Server server = new(HandshakePair.Environment(33));
        using TlsRecordPeer peer = new(server, options);
        TlsClientProtocol protocol = new();
        Client client = new(suite, GroupOf(group), byPsk);
        protocol.Connect(client);
        Exchange(peer, protocol);
        Assert.Null(server.Failure);
        Assert.True(server.IsComplete);
        Assert.Equal(client.Exported, Export(server));
        Assert.Equal(group, server.Group.ToString());
        Assert.Equal(byPsk ? s_pskName : [], server.PskIdentity.ToArray());
        if (!byPsk)
        {
            Assert.Equal(TestCertificates.Ed25519.Chain[0].ToArray(), server.PeerCertificates[0].ToArray());
        }
    }

    [Fact]
    public void OurClientRetriesForItsServer()
    {
        using Tls13Client client = new(
            HandshakePair.ClientOptions() with
            {
                RequireQuic = false,
                Groups = [NamedGroup.Secp384r1, NamedGroup.X25519MLKem768],
                KeyShareGroups = [NamedGroup.Secp384r1],
            },
            HandshakePair.Environment(34));
        using TlsRecordPeer peer = new(client);
        TlsServerProtocol protocol = new();
        protocol.Accept(new Server(BcCipherSuite.TLS_AES_128_GCM_SHA256, BcNamedGroup.X25519MLKEM768, byPsk: false, asks: false));
        Exchange(peer, protocol);
        Assert.Null(client.Failure);
        Assert.Equal(NamedGroup.X25519MLKem768, client.Group);
    }

    [Fact]
    public void OurServerMakesItsClientRetry()
    {
        TlsServerOptions options = HandshakePair.ServerOptions() with
        {
            RequireQuic = false,
            Groups = [NamedGroup.Secp384r1],
            Credentials = [TestCertificates.Ed25519],
        };
        using Tls13Server server = new(HandshakePair.Environment(35));
        using TlsRecordPeer peer = new(server, options);
        TlsClientProtocol protocol = new();
        protocol.Connect(new Client(
            BcCipherSuite.TLS_AES_128_GCM_SHA256, BcNamedGroup.x25519, byPsk: false, otherGroup: BcNamedGroup.secp384r1));
        Exchange(peer, protocol);
        Assert.Null(server.Failure);
        Assert.True(server.IsComplete);
        Assert.Equal(NamedGroup.Secp384r1, server.Group);
    }

    [Fact]
    public void TransportParametersTravelBothWaysAsOverQuic()
    {
        using Tls13Client client = new(
            HandshakePair.ClientOptions() with { CipherSuites = [CipherSuite.Aes128GcmSha256] }, HandshakePair.Environment(36))
        {
            LocalTransportParameters = HandshakePair.ClientParameters,
        };
        using TlsRecordPeer clientPeer = new(client);
        TlsServerProtocol serverProtocol = new();
        Server theirServer = new(BcCipherSuite.TLS_AES_128_GCM_SHA256, BcNamedGroup.x25519, byPsk: false, asks: false);
        serverProtocol.Accept(theirServer);
        Exchange(clientPeer, serverProtocol);
        Assert.Equal(HandshakePair.ClientParameters, theirServer.ClientParameters);
        Assert.Equal(HandshakePair.ServerParameters, clientPeer.PeerTransportParameters);

        using Tls13Server server = new(HandshakePair.Environment(37)) { LocalTransportParameters = HandshakePair.ServerParameters };
        using TlsRecordPeer serverPeer = new(
            server, HandshakePair.ServerOptions() with { Credentials = [TestCertificates.Ed25519] });
        TlsClientProtocol clientProtocol = new();
        Client theirClient = new(BcCipherSuite.TLS_AES_128_GCM_SHA256, BcNamedGroup.x25519, byPsk: false, isQuic: true);
        clientProtocol.Connect(theirClient);
        Exchange(serverPeer, clientProtocol);
        Assert.Equal(HandshakePair.ServerParameters, theirClient.ServerParameters);
        Assert.Equal(HandshakePair.ClientParameters, serverPeer.PeerTransportParameters);
    }

    private static ExternalPsk Psk(bool isSha384) => new(s_pskName, s_pskKey)
    {
        Hash = isSha384
            ? System.Security.Cryptography.HashAlgorithmName.SHA384
            : System.Security.Cryptography.HashAlgorithmName.SHA256,
    };

    private static int GroupOf(string group) => (int)Enum.Parse<NamedGroup>(group);

    private static byte[] Export(IHandshake handshake)
    {
        byte[] exported = new byte[40];
        Assert.True(handshake.TryExport("EXPORTER-test"u8, [1, 2, 3], exported));
        return exported;
    }

    private static void Exchange(TlsRecordPeer peer, TlsProtocol protocol)
    {
        Pump(peer, protocol);
        protocol.WriteApplicationData("to us"u8);
        peer.SendApplicationData("to them"u8);
        Pump(peer, protocol);
        byte[] line = new byte[20];
        int count = protocol.ReadInput(line, 0, line.Length);
        Assert.Equal("to them", Encoding.ASCII.GetString(line, 0, count));
        Assert.Equal("to us", Encoding.ASCII.GetString([.. peer.Received]));
    }

    private static void Pump(TlsRecordPeer peer, TlsProtocol protocol)
    {
        bool moved = true;
        while (moved)
        {
            byte[] ours = peer.TakeOutput();
            if (ours.Length > 0)
            {
                protocol.OfferInput(ours);
            }

            byte[] theirs = new byte[protocol.GetAvailableOutputBytes()];
            protocol.ReadOutput(theirs, 0, theirs.Length);
            peer.Feed(theirs);
            moved = ours.Length + theirs.Length > 0;
        }
    }

    private static BcDefaultTlsCredentialedSigner Signer(BcTlsCrypto crypto, TlsContext context)
    {
        Certificate chain = new(
            [], [new CertificateEntry(new BcTlsCertificate(crypto, TestCertificates.Ed25519.Chain[0].ToArray()), null)]);
        return new BcDefaultTlsCredentialedSigner(
            new TlsCryptoParameters(context), crypto, TestCertificates.Ed25519Key, chain, SignatureAndHashAlgorithm.ed25519);
    }

    private static BasicTlsPskExternal PskOf(TlsCrypto crypto, int suite) => new(
        s_pskName,
        crypto.CreateSecret(s_pskKey),
        suite == BcCipherSuite.TLS_AES_256_GCM_SHA384 ? PrfAlgorithm.tls13_hkdf_sha384 : PrfAlgorithm.tls13_hkdf_sha256);

    private sealed class Server : DefaultTlsServer
    {
        private readonly int _suite;
        private readonly int _group;
        private readonly bool _byPsk;
        private readonly bool _asks;

        public Server(int suite, int group, bool byPsk, bool asks = true)
            : base(new BcTlsCrypto(new SecureRandom()))
        {
            _suite = suite;
            _group = group;
            _byPsk = byPsk;
            _asks = asks;
        }

        public byte[]? ClientCertificate { get; private set; }

        public byte[]? ClientParameters { get; private set; }

        public override void ProcessClientExtensions(IDictionary<int, byte[]> clientExtensions)
        {
            ClientParameters = clientExtensions.TryGetValue(TransportParameters, out byte[]? parameters) ? parameters : null;
            base.ProcessClientExtensions(clientExtensions);
        }

        public override IDictionary<int, byte[]> GetServerExtensions()
        {
            IDictionary<int, byte[]> extensions = base.GetServerExtensions() ?? new Dictionary<int, byte[]>();
            extensions[TransportParameters] = HandshakePair.ServerParameters;
            return extensions;
        }

        public byte[]? Exported { get; private set; }

        public override void NotifyHandshakeComplete()
        {
            base.NotifyHandshakeComplete();
            Exported = m_context.ExportKeyingMaterial("EXPORTER-test", [1, 2, 3], 40);
        }

        public override int[] GetSupportedGroups() => [_group];

        public override CertificateRequest? GetCertificateRequest() => _byPsk || !_asks
            ? null
            : new CertificateRequest([], [SignatureAndHashAlgorithm.ed25519], null, null);

        public override void NotifyClientCertificate(Certificate clientCertificate) =>
            ClientCertificate = clientCertificate.GetCertificateAt(0).GetEncoded();

        public override TlsCredentials? GetCredentials() => _byPsk ? null : Signer((BcTlsCrypto)Crypto, m_context);

        public override TlsPskExternal? GetExternalPsk(IList<PskIdentity> identities) =>
            _byPsk ? PskOf(Crypto, _suite) : null;

        protected override int[] GetSupportedCipherSuites() => [_suite];

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override IList<ProtocolName> GetProtocolNames() => [ProtocolName.AsUtf8Encoding("causeway/1")];
    }

    private sealed class Client : DefaultTlsClient, TlsAuthentication
    {
        private readonly int _suite;
        private readonly int _group;
        private readonly bool _byPsk;
        private readonly int _otherGroup;
        private readonly bool _isQuic;

        public Client(int suite, int group, bool byPsk, int otherGroup = 0, bool isQuic = false)
            : base(new BcTlsCrypto(new SecureRandom()))
        {
            _suite = suite;
            _group = group;
            _byPsk = byPsk;
            _otherGroup = otherGroup;
            _isQuic = isQuic;
        }

        public byte[]? ServerParameters { get; private set; }

        public override bool ShouldUseCompatibilityMode() => !_isQuic;

        public override IDictionary<int, byte[]> GetClientExtensions()
        {
            IDictionary<int, byte[]> extensions = base.GetClientExtensions();
            if (_isQuic)
            {
                extensions[TransportParameters] = HandshakePair.ClientParameters;
            }

            return extensions;
        }

        public override void ProcessServerExtensions(IDictionary<int, byte[]> serverExtensions)
        {
            ServerParameters = serverExtensions.TryGetValue(TransportParameters, out byte[]? parameters) ? parameters : null;
            base.ProcessServerExtensions(serverExtensions);
        }

        public byte[]? Exported { get; private set; }

        public override void NotifyHandshakeComplete()
        {
            base.NotifyHandshakeComplete();
            Exported = m_context.ExportKeyingMaterial("EXPORTER-test", [1, 2, 3], 40);
        }

        public override TlsAuthentication GetAuthentication() => this;

        public override IList<TlsPskExternal>? GetExternalPsks() => _byPsk ? [PskOf(Crypto, _suite)] : null;

        public override IList<int> GetEarlyKeyShareGroups() => [_group];

        public void NotifyServerCertificate(TlsServerCertificate serverCertificate) =>
            Assert.Equal(
                TestCertificates.Ed25519.Chain[0].ToArray(), serverCertificate.Certificate.GetCertificateAt(0).GetEncoded());

        public TlsCredentials GetClientCredentials(CertificateRequest certificateRequest) =>
            Signer((BcTlsCrypto)Crypto, m_context);

        protected override int[] GetSupportedCipherSuites() => [_suite];

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override IList<ProtocolName> GetProtocolNames() => [ProtocolName.AsUtf8Encoding("causeway/1")];

        protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles) =>
            _otherGroup == 0 ? [_group] : [_group, _otherGroup];

        protected override IList<SignatureAndHashAlgorithm> GetSupportedSignatureAlgorithms() =>
            [SignatureAndHashAlgorithm.ed25519, BcSignatureScheme.GetSignatureAndHashAlgorithm(BcSignatureScheme.rsa_pss_rsae_sha256)];
    }
}
