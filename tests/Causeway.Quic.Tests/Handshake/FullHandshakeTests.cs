using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

public class FullHandshakeTests
{
    [Theory]
    [InlineData(NamedGroup.X25519)]
    [InlineData(NamedGroup.X25519MLKem768)]
    [InlineData(NamedGroup.Secp256r1)]
    [InlineData(NamedGroup.Secp384r1)]
    internal void CompletesByEachGroup(NamedGroup group)
    {
        using HandshakePair pair = new(HandshakePair.ClientOptions() with { Groups = [group] });
        pair.RunToCompletion();
        Assert.Equal(group, pair.Client.Group);
        Assert.Equal(group, pair.Server.Group);
    }

    [Theory]
    [InlineData(CipherSuite.Aes128GcmSha256)]
    [InlineData(CipherSuite.Aes256GcmSha384)]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256)]
    internal void CompletesByEachSuite(CipherSuite suite)
    {
        using HandshakePair pair = new(HandshakePair.ClientOptions() with { CipherSuites = [suite] });
        pair.RunToCompletion();
        Assert.Equal(suite, pair.Client.Suite);
        Assert.Equal(suite, pair.Server.Suite);
        Assert.All(
            pair.ServerEvents.Where(step => step.Kind == HandshakeEventKind.ReadSecret), step => Assert.Equal(suite, step.Suite));
    }

    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void CompletesByEachKindOfKey(string kind)
    {
        HandshakeCredential credential = TestCertificates.Credential(kind);
        using HandshakePair pair = new(server: HandshakePair.ServerOptions() with { Credentials = [credential] });
        pair.RunToCompletion();
        Assert.Equal(credential.Chain[0].ToArray(), pair.Client.PeerCertificates[0].ToArray());
    }

    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void AuthenticatesTheClientByEachKindOfKey(string kind)
    {
        HandshakeCredential credential = TestCertificates.Credential(kind);
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { Credential = credential },
            HandshakePair.ServerOptions() with { ClientCertificates = ClientCertificateMode.Require });
        pair.RunToCompletion();
        Assert.Equal(credential.Chain[0].ToArray(), pair.Server.PeerCertificates[0].ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1000)]
    public void TakesBytesInPiecesOfAnySize(int size)
    {
        using HandshakePair pair = new() { ChunkSize = size };
        pair.RunToCompletion();
    }

    [Fact]
    public void RetriesForAGroupWithoutAShare()
    {
        using HandshakePair pair = new(
            HandshakePair.ClientOptions() with { Groups = [NamedGroup.X25519, NamedGroup.Secp384r1] },
            HandshakePair.ServerOptions() with { Groups = [NamedGroup.Secp384r1] });
        pair.RunToCompletion();
        Assert.Equal(NamedGroup.Secp384r1, pair.Server.Group);
        Assert.Equal(2, pair.ClientEvents.Count(step => step is { Kind: HandshakeEventKind.Output, Level: EncryptionLevel.Initial }));
    }

    [Fact]
    public void StepsOfTheServerComeInTheOrderInWhichTheyMustBeTaken()
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        Assert.Equal(
            [
                (HandshakeEventKind.PeerTransportParameters, EncryptionLevel.Initial),
                (HandshakeEventKind.ServerOptionsNeeded, EncryptionLevel.Initial),
                (HandshakeEventKind.Output, EncryptionLevel.Initial),
                (HandshakeEventKind.WriteSecret, EncryptionLevel.Handshake),
                (HandshakeEventKind.ReadSecret, EncryptionLevel.Handshake),
                (HandshakeEventKind.Output, EncryptionLevel.Handshake),
                (HandshakeEventKind.Output, EncryptionLevel.Handshake),
                (HandshakeEventKind.Output, EncryptionLevel.Handshake),
                (HandshakeEventKind.Output, EncryptionLevel.Handshake),
                (HandshakeEventKind.WriteSecret, EncryptionLevel.Application),
                (HandshakeEventKind.ReadSecret, EncryptionLevel.Application),
                (HandshakeEventKind.Completed, EncryptionLevel.Application),
            ],
            pair.ServerEvents.Select(step => (step.Kind, step.Level)));
    }

    [Fact]
    public void StepsOfTheClientComeInTheOrderInWhichTheyMustBeTaken()
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        Assert.Equal(
            [
                (HandshakeEventKind.Output, EncryptionLevel.Initial),
                (HandshakeEventKind.ReadSecret, EncryptionLevel.Handshake),
                (HandshakeEventKind.WriteSecret, EncryptionLevel.Handshake),
                (HandshakeEventKind.PeerTransportParameters, EncryptionLevel.Handshake),
                (HandshakeEventKind.CertificateCheckNeeded, EncryptionLevel.Handshake),
                (HandshakeEventKind.Output, EncryptionLevel.Handshake),
                (HandshakeEventKind.WriteSecret, EncryptionLevel.Application),
                (HandshakeEventKind.ReadSecret, EncryptionLevel.Application),
                (HandshakeEventKind.Completed, EncryptionLevel.Application),
            ],
            pair.ClientEvents.Select(step => (step.Kind, step.Level)));
    }

    [Fact]
    public void BothEndsLearnWhatWasNegotiated()
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        Assert.Equal(TestCertificates.ServerName, pair.Server.ServerName);
        Assert.Equal("causeway/1"u8.ToArray(), pair.Server.ApplicationProtocol.ToArray());
        Assert.Equal("causeway/1"u8.ToArray(), pair.Client.ApplicationProtocol.ToArray());
        Assert.Equal(
            HandshakePair.ClientParameters,
            pair.ServerEvents.Single(step => step.Kind == HandshakeEventKind.PeerTransportParameters).Bytes);
        Assert.Equal(
            HandshakePair.ServerParameters,
            pair.ClientEvents.Single(step => step.Kind == HandshakeEventKind.PeerTransportParameters).Bytes);
        Assert.False(pair.Client.IsResumed);
        Assert.False(pair.Server.IsResumed);
    }

    [Fact]
    public void ExportersOfBothEndsAgreeAndDependOnLabelAndContext()
    {
        using HandshakePair pair = new();
        pair.RunToCompletion();
        byte[] client = new byte[40];
        byte[] server = new byte[40];
        byte[] other = new byte[40];
        Assert.True(pair.Client.TryExport("EXPORTER-test"u8, [1, 2], client));
        Assert.True(pair.Server.TryExport("EXPORTER-test"u8, [1, 2], server));
        Assert.True(pair.Server.TryExport("EXPORTER-test"u8, [1, 3], other));
        Assert.Equal(client, server);
        Assert.NotEqual(client, other);
    }

    [Fact]
    public void TheServerIgnoresWhateverItDoesNotKnow()
    {
        byte[] hello = [];
        using HandshakePair pair = new();
        pair.Client.Start(pair.Now);
        Assert.True(pair.Client.TryReadEvent(out HandshakeEvent step));
        hello = MessageEditor.WithExtensions(step.Bytes.ToArray(), extensions =>
        {
            Extend(extensions, ExtensionType.SupportedVersions, 1, 0x7f, 0x1c, 0x99, 0x99);
            Extend(extensions, ExtensionType.SupportedGroups, 2, 0x01, 0x00, 0xfe, 0xfe);
            Extend(extensions, ExtensionType.SignatureAlgorithms, 2, 0x09, 0x04, 0xee, 0xee);
            Extend(extensions, ExtensionType.PskKeyExchangeModes, 1, 0, 77);
            Extend(extensions, ExtensionType.KeyShare, 2, 0x77, 0x77, 0, 3, 1, 2, 3);
            Extend(extensions, ExtensionType.ApplicationLayerProtocolNegotiation, 2, 2, 0x0a, 0x0a);
            Extend(extensions, ExtensionType.ServerName, 2, 5, 0, 2, 9, 9);
            for (int type = 0x6000; type < 0x6100; type++)
            {
                extensions.Insert(0, ((ExtensionType)type, [1, 2, 3]));
            }
        });
        pair.Server.Input(EncryptionLevel.Initial, hello, pair.Now);
        pair.Server.AnswerServerOptions(HandshakePair.ServerOptions(), pair.Now);
        Assert.Null(pair.Server.Failure);
        Assert.Equal(TestCertificates.ServerName, pair.Server.ServerName);
        Assert.Equal("causeway/1"u8.ToArray(), pair.Server.ApplicationProtocol.ToArray());

        static void Extend(List<(ExtensionType Type, byte[] Data)> extensions, ExtensionType type, int lengthSize, params byte[] more)
        {
            int index = extensions.FindIndex(extension => extension.Type == type);
            byte[] list = [.. extensions[index].Data[lengthSize..], .. more];
            byte[] length = lengthSize == 1 ? [(byte)list.Length] : [(byte)(list.Length >> 8), (byte)list.Length];
            extensions[index] = (type, [.. length, .. list]);
        }
    }

    [Theory]
    [InlineData("P-256")]
    [InlineData("RSA")]
    [InlineData("Ed25519")]
    public void OneCredentialServesSeveralThreads(string kind)
    {
        TlsServerOptions server = HandshakePair.ServerOptions() with { Credentials = [TestCertificates.Credential(kind)] };
        Parallel.For(0, 40, index =>
        {
            using HandshakePair pair = new(server: server, seed: index);
            pair.RunToCompletion();
        });
    }
}
