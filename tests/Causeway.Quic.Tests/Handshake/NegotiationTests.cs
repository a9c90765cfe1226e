using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>Random choices of both ends, compared with what RFC 8446, 4.1.1, says must come of them.</summary>
public class NegotiationTests
{
    private static readonly SignatureScheme[] s_schemes =
    [
        SignatureScheme.EcdsaSecp256r1Sha256, SignatureScheme.EcdsaSecp384r1Sha384, SignatureScheme.Ed25519,
        SignatureScheme.RsaPssRsaeSha256, SignatureScheme.RsaPssRsaeSha512,
    ];

    private static readonly NamedGroup[] s_groups =
        [NamedGroup.X25519, NamedGroup.Secp256r1, NamedGroup.Secp384r1, NamedGroup.X25519MLKem768];

    private static readonly ReadOnlyMemory<byte>[] s_protocols = ["a"u8.ToArray(), "bb"u8.ToArray(), "ccc"u8.ToArray()];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void BothEndsAgreeOnWhatTheServerPrefersAmongWhatTheyShare(int seed)
    {
        Random random = new(seed);
        for (int round = 0; round < 60; round++)
        {
            TlsClientOptions client = new()
            {
                ServerName = TestCertificates.ServerName,
                ApplicationProtocols = Some(random, s_protocols),
                CipherSuites = Some(random, [.. CipherSuites.Default]),
                Groups = Some(random, s_groups),
                SignatureSchemes = Some(random, s_schemes),
                Credential = random.Next(0, 2) == 0 ? null : Credentials(random)[0],
                Grease = random.Next(0, 2) == 0,
            };
            TlsServerOptions server = new()
            {
                ApplicationProtocols = Some(random, s_protocols),
                CipherSuites = Some(random, [.. CipherSuites.Default]),
                Groups = Some(random, s_groups),
                SignatureSchemes = Some(random, s_schemes),
                Credentials = Credentials(random),
                ClientCertificates = random.Next(0, 2) == 0 ? ClientCertificateMode.None : ClientCertificateMode.Require,
                Grease = random.Next(0, 2) == 0,
            };
            using HandshakePair pair = new(client, server, seed: (seed * 1000) + round);
            pair.Run();
            string where = $"seed {seed}, round {round}";
            AlertDescription? alert = Expect(client, server);
            Assert.True(pair.Server.Failure?.Alert == (byte?)alert, $"{where}: {pair.Server.Failure} but expected {alert}");
            Assert.Null(pair.Client.Failure);
            if (alert is not null)
            {
                Assert.False(pair.Server.IsComplete, where);
                continue;
            }

            Assert.True(pair.Client.IsComplete && pair.Server.IsComplete, where);
            Assert.Equal(server.CipherSuites.First(client.CipherSuites.Contains), pair.Client.Suite);
            Assert.Equal(ExpectGroup(client, server), pair.Client.Group);
            Assert.Equal(pair.Server.Group, pair.Client.Group);
            Assert.Equal(
                server.ApplicationProtocols.First(name => Offers(client, name)).ToArray(), pair.Client.ApplicationProtocol.ToArray());
            pair.AssertSecretsMatch(EncryptionLevel.Application);
        }
    }

    private static AlertDescription? Expect(TlsClientOptions client, TlsServerOptions server)
    {
        if (!server.CipherSuites.Any(client.CipherSuites.Contains) || !server.Groups.Any(client.Groups.Contains))
        {
            return AlertDescription.HandshakeFailure;
        }

        if (!server.ApplicationProtocols.Any(name => Offers(client, name)))
        {
            return AlertDescription.NoApplicationProtocol;
        }

        if (!server.Credentials.Any(credential => credential.Schemes.Any(client.SignatureSchemes.Contains)))
        {
            return AlertDescription.HandshakeFailure;
        }

        return server.ClientCertificates == ClientCertificateMode.Require
            && client.Credential?.Schemes.Any(server.SignatureSchemes.Contains) != true
            ? AlertDescription.CertificateRequired
            : null;
    }

    private static NamedGroup ExpectGroup(TlsClientOptions client, TlsServerOptions server)
    {
        NamedGroup withShare = server.Groups.FirstOrDefault(client.FirstShares.Contains);
        return withShare != NamedGroup.None ? withShare : server.Groups.First(client.Groups.Contains);
    }

    private static bool Offers(TlsClientOptions client, ReadOnlyMemory<byte> protocol) =>
        client.ApplicationProtocols.Any(name => name.Span.SequenceEqual(protocol.Span));

    private static List<HandshakeCredential> Credentials(Random random) =>
        Some(random, ["P-256", "P-384", "RSA", "Ed25519"]).ConvertAll(TestCertificates.Credential);

    /// <summary>Some of the values, at least one, in some order.</summary>
    private static List<T> Some<T>(Random random, T[] values)
    {
        T[] shuffled = [.. values];
        random.Shuffle(shuffled);
        return [.. shuffled[..random.Next(1, values.Length + 1)]];
    }
}
