using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>Our handshake against that of the platform, where that is OpenSSL.</summary>
public class SslStreamTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly List<SslApplicationProtocol> s_protocols = [new SslApplicationProtocol("causeway/1")];

    public static TheoryData<string, string, string> Combinations
    {
        get
        {
            TheoryData<string, string, string> data = [];
            foreach (string suite in new[] { "Aes128GcmSha256", "Aes256GcmSha384", "ChaCha20Poly1305Sha256" })
            {
                data.Add(suite, "X25519", "P-256");
            }

            foreach (string group in new[] { "X25519", "Secp256r1", "Secp384r1" })
            {
                data.Add("Aes128GcmSha256", group, "P-384");
                data.Add("Aes256GcmSha384", group, "RSA");
            }

            return data;
        }
    }

    [OpenSslTheory]
    [MemberData(nameof(Combinations))]
    public async Task OurClientTalksToAServerOfThePlatform(string suite, string group, string key)
    {
        TlsClientOptions options = Client() with
        {
            CipherSuites = [Enum.Parse<CipherSuite>(suite)],
            Groups = [Enum.Parse<NamedGroup>(group)],
        };
        using Tls13Client client = new(options, HandshakePair.Environment(1));
        using TlsRecordPeer peer = new(client);
        await using TlsRecordStream wire = new(peer);
        await using SslStream server = new(wire);
        await server.AuthenticateAsServerAsync(ServerOf(key)).WaitAsync(s_patience);
        await Exchange(peer, wire, server);
        Assert.True(client.IsComplete);
        Assert.Equal("causeway/1", server.NegotiatedApplicationProtocol.ToString());
        Assert.Equal(suite, client.Suite.ToString());
    }

    [OpenSslTheory]
    [MemberData(nameof(Combinations))]
    public async Task OurServerTalksToAClientOfThePlatform(string suite, string group, string key)
    {
        TlsServerOptions options = Server() with
        {
            CipherSuites = [Enum.Parse<CipherSuite>(suite)],
            Groups = [Enum.Parse<NamedGroup>(group)],
            Credentials = [TestCertificates.Credential(key)],
        };
        using Tls13Server server = new(HandshakePair.Environment(2));
        using TlsRecordPeer peer = new(server, options);
        await using TlsRecordStream wire = new(peer);
        await using SslStream client = new(wire);
        await client.AuthenticateAsClientAsync(ClientOf()).WaitAsync(s_patience);
        await Exchange(peer, wire, client);
        Assert.True(server.IsComplete);
        Assert.Equal(SslProtocols.Tls13, client.SslProtocol);
        Assert.Equal(TestCertificates.ServerName, server.ServerName);
        Assert.Equal(group, server.Group.ToString());
    }

    [OpenSslTheory]
    [InlineData("P-256")]
    [InlineData("RSA")]
    public async Task OurClientShowsItsCertificateToAServerOfThePlatform(string key)
    {
        HandshakeCredential credential = TestCertificates.Credential(key);
        using Tls13Client client = new(Client() with { Credential = credential }, HandshakePair.Environment(3));
        using TlsRecordPeer peer = new(client);
        await using TlsRecordStream wire = new(peer);
        await using SslStream server = new(wire);
        SslServerAuthenticationOptions options = ServerOf("P-256");
        options.ClientCertificateRequired = true;
        options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        await server.AuthenticateAsServerAsync(options).WaitAsync(s_patience);
        await Exchange(peer, wire, server);
        Assert.Equal(credential.Chain[0].ToArray(), server.RemoteCertificate!.GetRawCertData());
    }

    [OpenSslTheory]
    [InlineData("P-384")]
    [InlineData("RSA")]
    public async Task AClientOfThePlatformShowsItsCertificateToOurServer(string key)
    {
        X509Certificate2 certificate = key == "RSA" ? TestCertificates.Rsa : TestCertificates.P384;
        using Tls13Server server = new(HandshakePair.Environment(4));
        using TlsRecordPeer peer = new(server, Server() with { ClientCertificates = ClientCertificateMode.Require });
        await using TlsRecordStream wire = new(peer);
        await using SslStream client = new(wire);
        SslClientAuthenticationOptions options = ClientOf();
        options.ClientCertificates = [certificate];
        await client.AuthenticateAsClientAsync(options).WaitAsync(s_patience);
        await Exchange(peer, wire, client);
        Assert.Equal(certificate.RawData, server.PeerCertificates[0].ToArray());
    }

    [OpenSslFact]
    public async Task OurClientResumesTheTicketOfAServerOfThePlatform()
    {
        SslServerAuthenticationOptions options = ServerOf("P-256");
        byte[] session = [];
        for (int round = 0; round < 2; round++)
        {
            using Tls13Client client = new(Client() with { Session = session }, HandshakePair.Environment(5 + round));
            using TlsRecordPeer peer = new(client);
            await using TlsRecordStream wire = new(peer);
            await using SslStream server = new(wire);
            await server.AuthenticateAsServerAsync(options).WaitAsync(s_patience);
            await Exchange(peer, wire, server);
            Assert.Equal(round == 1, client.IsResumed);
            session = peer.Tickets[0];
        }
    }

    [OpenSslFact]
    public async Task AClientOfThePlatformResumesOurTicket()
    {
        TicketSealer sealer = TicketSealer.Create(HandshakePair.Environment(7).Random);
        SslClientAuthenticationOptions options = ClientOf();
        bool resumed = false;
        for (int round = 0; round < 3; round++)
        {
            using Tls13Server server = new(HandshakePair.Environment(8 + round));
            using TlsRecordPeer peer = new(server, Server() with { Tickets = sealer });
            await using TlsRecordStream wire = new(peer);
            await using SslStream client = new(wire);
            await client.AuthenticateAsClientAsync(options).WaitAsync(s_patience);
            await Exchange(peer, wire, client);
            resumed |= server.IsResumed;
        }

        Assert.True(resumed);
    }

    [OpenSslFact]
    public async Task AClientOfThePlatformHearsOurAlertAboutProtocols()
    {
        using Tls13Server server = new(HandshakePair.Environment(20));
        using TlsRecordPeer peer = new(server, Server() with { ApplicationProtocols = ["other"u8.ToArray()] });
        await using TlsRecordStream wire = new(peer);
        await using SslStream client = new(wire);
        AuthenticationException e = await Assert.ThrowsAsync<AuthenticationException>(
            () => client.AuthenticateAsClientAsync(ClientOf()).WaitAsync(s_patience));
        Assert.Equal((byte)AlertDescription.NoApplicationProtocol, server.Failure!.Alert);
        Assert.Contains("protocol", e.InnerException!.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    private static TlsClientOptions Client() => HandshakePair.ClientOptions() with { RequireQuic = false };

    private static TlsServerOptions Server() => HandshakePair.ServerOptions() with { RequireQuic = false };

    private static SslServerAuthenticationOptions ServerOf(string key) => new()
    {
        ServerCertificate = key switch
        {
            "P-256" => TestCertificates.P256,
            "P-384" => TestCertificates.P384,
            _ => TestCertificates.Rsa,
        },
        ApplicationProtocols = s_protocols,
        EnabledSslProtocols = SslProtocols.Tls13,
    };

    private static SslClientAuthenticationOptions ClientOf() => new()
    {
        TargetHost = TestCertificates.ServerName,
        ApplicationProtocols = s_protocols,
        EnabledSslProtocols = SslProtocols.Tls13,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
    };

    /// <summary>A line each way, which also carries the tickets.</summary>
    private static async Task Exchange(TlsRecordPeer peer, TlsRecordStream wire, SslStream stream)
    {
        await stream.WriteAsync("to us"u8.ToArray()).AsTask().WaitAsync(s_patience);
        Assert.Equal("to us", Encoding.ASCII.GetString([.. peer.Received]));
        peer.SendApplicationData("to them"u8);
        wire.Collect();
        byte[] line = new byte[7];
        await stream.ReadExactlyAsync(line).AsTask().WaitAsync(s_patience);
        Assert.Equal("to them", Encoding.ASCII.GetString(line));
        await stream.ShutdownAsync().WaitAsync(s_patience);
        wire.End();
    }
}
