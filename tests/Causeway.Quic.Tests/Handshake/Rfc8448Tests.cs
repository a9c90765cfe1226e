using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Handshake.Certificates;
using Causeway.Quic.Handshake.Tls13;

namespace Causeway.Quic.Tests.Handshake;

/// <summary>The traces of RFC 8448: messages and secrets stand as they are printed there.</summary>
public class Rfc8448Tests
{
    // Section 3, and the certificate that sections 3 to 5 share.
    private const string SimpleClientHello =
        "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b00"
        + "09000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381d"
        + "e560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b0003020304000d0020001e0403050306030203080408050806"
        + "04010501060102010402050206020202002d00020101001c00024001";

    private const string SimpleServerHello =
        "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876"
        + "112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";

    private const string EncryptedExtensions =
        "080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000";

    private const string RsaCertificate =
        "0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a0603550403130372"
        + "7361301e170d3136303733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06"
        + "092a864886f70d010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2d"
        + "e49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda4308467480"
        + "30530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d1304"
        + "023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c5f"
        + "8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6bec1"
        + "fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";

    private const string SimpleCertificateVerify =
        "0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa"
        + "6bef780c5ea248eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409"
        + "d3be152a3da5043e063dda65cdf5aea20d53dfacd42f74f3";

    private const string SimpleServerFinished = "140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";

    // Section 4.
    private const string ResumingClientHello =
        "010001fc03031bc3ceb6bbe39cff938355b5a50adb6db21b7a6af649d7b4bc419d7876487d95000006130113031302010001cd0000000b00"
        + "09000006736572766572ff01000100000a00140012001d00170018001901000101010201030104003300260024001d0020e4ffb68ac05f8d"
        + "96c99da26698346c6be16482badddafe051a66b4f18d668f0b002a0000002b0003020304000d0020001e0403050306030203080408050806"
        + "04010501060102010402050206020202002d00020101001c0002400100150057000000000000000000000000000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "00000000000000002900dd00b800b22c035d829359ee5ff7af4ec900000000262a6494dc486d2c8a34cb33fa90bf1b0070ad3c498883c936"
        + "7c09a2be785abc55cd226097a3a982117283f82a03a143efd3ff5dd36d64e861be7fd61d2827db279cce145077d454a3664d4e6da4d29ee0"
        + "3725a6a4dafcd0fc67d2aea70529513e3da2677fa5906c5b3f7d8f92f228bda40dda721470f9fbf297b5aea617646fac5c03272e970727c6"
        + "21a79141ef5f7de6505e5bfbc388e93343694093934ae4d357fad6aacb0021203add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d"
        + "57bb6fa31b9e5f9d";

    private const string ResumingServerHello =
        "0200005c03033ccfd2dec890222763472ae8136777c9d7358777bb66e91ea5122495f559ea2d001301000034002900020000003300240"
        + "01d0020121761ee42c333e1b9e77b60dd57c2053cd94512ab47f115e86eff50942cea31002b00020304";

    private const string ResumingEncryptedExtensions =
        "080000280026000a00140012001d00170018001901000101010201030104001c0002400100000000002a0000";

    private const string ResumingServerFinished = "1400002048d3e0e1b3d907c6acff145e16090388c77b05c050b634ab1a88bbd0dd1a34b2";

    // Section 5.
    private const string FirstClientHello =
        "010000b00303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f000006130113031302010000810000000b00"
        + "09000006736572766572ff01000100000a00080006001d00170018003300260024001d0020e8e8e3f3b93a25ed97a14a7dcacb8a272c6288"
        + "e585c6484d05262fcad062ad1f002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202"
        + "002d00020101001c00024001";

    private const string RetryRequest =
        "020000ac0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c001301000084003300020017002c00740072"
        + "71dcd04bb88bc3189119398a00000000eefafc76c146b823b096f8aacad365dd0030953f4edf625636e5f21bb2e23fcc654b1b5b40318d10"
        + "d137abcbb87574e36e8a1f025f7dfa5d6e50781b5eda4aa15b0c8be778257d16aa3030e9e7841dd9e4c0342267e8ca0caf571fb2b7cff0f9"
        + "34b0002b00020304";

    private const string SecondClientHello =
        "010001fc0303b0b1c5a5aa37c5919f2ed1d5c6fff7fcb7849716945a2b8cee9258a346677b6f000006130113031302010001cd0000000b00"
        + "09000006736572766572ff01000100000a00080006001d001700180033004700450017004104a6da7392ec591e17abfd535964b99894d13b"
        + "efb221b3def2ebe3830eac8f0151812677c4d6d2237e85cf01d6910cfb83954e76ba7352830534159897e8065780002b0003020304000d00"
        + "20001e040305030603020308040805080604010501060102010402050206020202002c0074007271dcd04bb88bc3189119398a00000000ee"
        + "fafc76c146b823b096f8aacad365dd0030953f4edf625636e5f21bb2e23fcc654b1b5b40318d10d137abcbb87574e36e8a1f025f7dfa5d6e"
        + "50781b5eda4aa15b0c8be778257d16aa3030e9e7841dd9e4c0342267e8ca0caf571fb2b7cff0f934b0002d00020101001c00024001001500"
        + "af00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        + "0000000000000000";

    private const string RetriedServerHello =
        "020000770303bb341d847fd789c47c387172dc0c9bf147fccacb5043d86ca4c598d3ff571b9800130100004f003300450017004104583e05"
        + "4b7a66672ae020ad9d2686fcc85b5ad41a134a0f03ee72b893052bd85b4c8de6776f5b04ac07d83540eab3e3d9c547bc6528c4317d294686"
        + "093a6cad7d002b00020304";

    private const string RetriedEncryptedExtensions = "080000180016000a0008000600170018001d001c0002400100000000";

    private const string RetriedCertificateVerify =
        "0f0000840804008033ab13d4462707231b5dcae6c8190b63d1dabc74f28c395370da0b07e5b83066d0246a31acd95df475bfd799a4a70d33"
        + "ad93d3a317a9b2c0d237a5685b219e774112e391a247607d1aeff1bbd0a39f382ee1a5fe88ae99ec59228e6497e45d48ce275a6d5ef40d16"
        + "9fb6f9d33b052ed3dcdd6b5a48baafffbcb290128415bd38";

    private const string RetriedServerFinished = "140000208863e6bfb0420a927fa27f34336a70ae426e968e3eb884945b96856dba3976d1";

    // Section 6.
    private const string MutualClientHello =
        "010000bc03036a472236328b83af40386d3a3e1f1ce624fa4ed89ab865a4ff0f4144ce3ae2330000061301130313020100008d0000000b00"
        + "09000006736572766572ff01000100000a00140012001d00170018001901000101010201030104003300260024001d0020089cc2671f738d"
        + "9a671e5b2e464981d05b76e361aa22aea91f1d49ca10a7a362002b0003020304000d0020001e040305030603020308040805080604010501"
        + "060102010402050206020202002d00020101001c00024001";

    private const string MutualServerHello =
        "0200005603033b50fdf1c3d572e40e68953e7fff4e2758459c59afa0582c0ea032874255fe6e00130100002e00330024001d00206c2e50e8"
        + "65919a6b5a12dfaf918f92b442567b0f89bc54478c6921366658f062002b00020304";

    private const string CertificateRequest =
        "0d000027000024000d0020001e040305030603020308040805080604010501060102010402050206020202";

    private const string EcdsaCertificate =
        "0b00013b000001370001323082012e3081d5a003020102020107300a06082a8648ce3d04030230133111300f060355040313086563647361"
        + "323536301e170d3136303733303031323430305a170d3236303733303031323430305a30133111300f060355040313086563647361323536"
        + "3059301306072a8648ce3d020106082a8648ce3d0301070342000408d530161575f4cfe7f154ee3448180086001e88431a79ee62ee6e2f83"
        + "ef38ba61e9fb37f34e007a7df4d2f5b56d1f04ece45d621f468406f5c3a15158948dd0a31a301830090603551d1304023000300b0603551d"
        + "0f040403020780300a06082a8648ce3d0403020348003045022100df30fd4507f5edd22c1a6ff86db479ca693feeca3b71b3f9ef556b2937"
        + "c0594d022062e2a47250d320fea83c7e2dcb5b76a50e0200c09adbd13fee946e513e011d110000";

    private const string MutualCertificateVerify =
        "0f00004b040300473045022100d7a4d34bd54f55fee1a89625678c3dd5e5f60dac73ec940c5c7b9304a02084a90220289f595ed488b9ac68"
        + "9a3d192b1a8bb38f34af7874c059c9806a1f38269353e8";

    private const string MutualServerFinished = "1400002093b70cdf4781985b96345caac701b4e750d3042df1a689d8faca812251113c11";

    private static readonly HashAlgorithmName s_hash = HashAlgorithmName.SHA256;

    [Fact]
    public void OurServerAnswersTheClientHelloOfSection3ByteForByte()
    {
        Queue<string> random = new([
            "b1580eeadf6dd589b8ef4f2d5652578cc810e9980191ec8d058308cea216a21e",
            "a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928",
        ]);
        HandshakeEnvironment environment = new(
            destination => Hex(random.Dequeue()).CopyTo(destination), DateTimeOffset.UnixEpoch);
        using Tls13Server server = new(environment);
        server.Input(EncryptionLevel.Initial, Hex(SimpleClientHello), Timestamp.Zero);
        server.AnswerServerOptions(
            HandshakePair.ServerOptions() with
            {
                RequireQuic = false,
                RequireApplicationProtocol = false,
                ApplicationProtocols = [],
                Credentials = [TestCertificates.Credential("RSA")],
            },
            Timestamp.Zero);
        Assert.Null(server.Failure);
        Assert.True(server.TryReadEvent(out HandshakeEvent question));
        Assert.Equal(HandshakeEventKind.ServerOptionsNeeded, question.Kind);
        Assert.True(server.TryReadEvent(out HandshakeEvent hello));
        Assert.Equal(SimpleServerHello, Text(hello.Bytes.Span));
        Assert.True(server.TryReadEvent(out HandshakeEvent write));
        Assert.Equal("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", Text(write.Bytes.Span));
        Assert.True(server.TryReadEvent(out HandshakeEvent read));
        Assert.Equal("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", Text(read.Bytes.Span));
        Assert.Equal("server", server.ServerName);
    }

    [Fact]
    public void SecretsOfSection3AreThoseOfTheSimpleHandshake()
    {
        using Transcript transcript = new();
        using KeySchedule schedule = new(s_hash, []);
        Add(transcript, SimpleClientHello, SimpleServerHello);
        transcript.SelectHash(s_hash);
        schedule.MixKeyExchange(Hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"));
        byte[] client = schedule.Derive("c hs traffic"u8, Current(transcript));
        byte[] server = schedule.Derive("s hs traffic"u8, Current(transcript));
        Assert.Equal("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", Text(client));
        Assert.Equal("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", Text(server));

        Add(transcript, EncryptedExtensions, RsaCertificate, SimpleCertificateVerify);
        Assert.Equal(SimpleServerFinished, Finished(schedule, server, transcript));
        Add(transcript, SimpleServerFinished);
        schedule.FinishToMaster();
        Assert.Equal(
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
            Text(schedule.Derive("c ap traffic"u8, Current(transcript))));
        Assert.Equal(
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
            Text(schedule.Derive("s ap traffic"u8, Current(transcript))));
        Assert.Equal(
            "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50",
            Text(schedule.Derive("exp master"u8, Current(transcript))));

        string clientFinished = Finished(schedule, client, transcript);
        Assert.Equal("14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61", clientFinished);
        Add(transcript, clientFinished);
        byte[] resumption = schedule.Derive("res master"u8, Current(transcript));
        Assert.Equal("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c", Text(resumption));
        byte[] psk = new byte[32];
        KeySchedule.ExpandLabel(s_hash, resumption, "resumption"u8, [0, 0], psk);
        Assert.Equal("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3", Text(psk));
    }

    [Fact]
    public void BinderEarlySecretAndFinishedOfSection4AreThoseOfTheResumption()
    {
        byte[] hello = Hex(ResumingClientHello);
        Assert.Equal(AlertDescription.CloseNotify, ClientHello.Parse(hello, out ClientHello parsed));
        Assert.True(parsed.OffersEarlyData);
        using Transcript transcript = new();
        using KeySchedule schedule = new(s_hash, Hex("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3"));
        byte[] truncated = new byte[32];
        transcript.CurrentWith(s_hash, hello.AsSpan(0, parsed.TruncatedLength), truncated);
        byte[] binder = new byte[32];
        schedule.Binder(external: false, truncated, binder);
        Assert.Equal(Text(parsed.PskBinders[0].Span), Text(binder));

        transcript.SelectHash(s_hash);
        Add(transcript, ResumingClientHello);
        Assert.Equal(
            "3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62",
            Text(schedule.Derive("c e traffic"u8, Current(transcript))));

        Queue<string> random = new(["de5b4476e7b490b2652d338acbf2948066f255f9440e23b98fc69835298dc107"]);
        Assert.True(Causeway.Quic.Handshake.Tls13.Groups.KeyShare.TryRespond(
            NamedGroup.X25519,
            parsed.KeyShares[0].Value,
            destination => Hex(random.Dequeue()).CopyTo(destination),
            out byte[] share,
            out byte[] secret));
        Assert.Equal("121761ee42c333e1b9e77b60dd57c2053cd94512ab47f115e86eff50942cea31", Text(share));
        Add(transcript, ResumingServerHello);
        schedule.MixKeyExchange(secret);
        Assert.Equal(
            "2faac08f851d35fea3604fcb4de82dc62c9b164a70974d0462e27f1ab278700f",
            Text(schedule.Derive("c hs traffic"u8, Current(transcript))));
        byte[] server = schedule.Derive("s hs traffic"u8, Current(transcript));
        Add(transcript, ResumingEncryptedExtensions);
        Assert.Equal(ResumingServerFinished, Finished(schedule, server, transcript));
    }

    [Fact]
    public void FinishedOfSection5CoversTheHelloRetryRequest()
    {
        Assert.Equal(AlertDescription.CloseNotify, ServerHello.Parse(Hex(RetryRequest), out ServerHello retry));
        Assert.True(retry.IsRetryRequest);
        Assert.Equal(AlertDescription.CloseNotify, ClientHello.Parse(Hex(SecondClientHello), out ClientHello second));
        Assert.Equal(AlertDescription.CloseNotify, ServerHello.Parse(Hex(RetriedServerHello), out ServerHello hello));
        using Transcript transcript = new();
        Add(transcript, FirstClientHello);
        transcript.SelectHash(s_hash);
        transcript.ReplaceByMessageHash();
        Add(transcript, RetryRequest, SecondClientHello, RetriedServerHello);

        Assert.True(hello.Extensions.TryGet(ExtensionType.KeyShare, out ReadOnlyMemory<byte> share));
        using ECDiffieHellman own = ECDiffieHellman.Create(
            Parameters(share.Span[4..], Hex("8c510601f9765bfb8ed693449a48989859b5cfa879cb9f5443c41c5ff10634ed")));
        using ECDiffieHellman peer = ECDiffieHellman.Create(Parameters(second.KeyShares[0].Value.Span, null));
        using KeySchedule schedule = new(s_hash, []);
        schedule.MixKeyExchange(own.DeriveRawSecretAgreement(peer.PublicKey));
        byte[] server = schedule.Derive("s hs traffic"u8, Current(transcript));
        Add(transcript, RetriedEncryptedExtensions, RsaCertificate, RetriedCertificateVerify);
        Assert.Equal(RetriedServerFinished, Finished(schedule, server, transcript));
    }

    [Fact]
    public void SignatureAndFinishedOfSection6AreThoseOfTheServerThatAsksForACertificate()
    {
        Assert.Equal(AlertDescription.CloseNotify, ClientHello.Parse(Hex(MutualClientHello), out ClientHello hello));
        Queue<string> random = new(["7382a5ad1cdd2056ae18cc708bd007d98130dbe2cd4d9ead9b96952becbb0888"]);
        Assert.True(Causeway.Quic.Handshake.Tls13.Groups.KeyShare.TryRespond(
            NamedGroup.X25519,
            hello.KeyShares[0].Value,
            destination => Hex(random.Dequeue()).CopyTo(destination),
            out byte[] _,
            out byte[] secret));
        using Transcript transcript = new();
        transcript.SelectHash(s_hash);
        Add(transcript, MutualClientHello, MutualServerHello);
        using KeySchedule schedule = new(s_hash, []);
        schedule.MixKeyExchange(secret);
        byte[] server = schedule.Derive("s hs traffic"u8, Current(transcript));
        Add(transcript, EncryptedExtensions, CertificateRequest, EcdsaCertificate);

        Assert.Equal(
            AlertDescription.CloseNotify,
            CertificateMessages.ParseCertificateRequest(Hex(CertificateRequest), out ReadOnlyMemory<byte> _));
        Assert.Equal(
            AlertDescription.CloseNotify,
            CertificateMessages.ParseCertificate(
                Hex(EcdsaCertificate), HandshakeLimits.Default, out ReadOnlyMemory<byte> _, out List<ReadOnlyMemory<byte>> chain));
        Assert.True(CertificateMessages.TryParseCertificateVerify(
            Hex(MutualCertificateVerify), out SignatureScheme scheme, out ReadOnlyMemory<byte> signature));
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(chain[0].Span);
        byte[] content = CertificateMessages.SignedContent(byServer: true, Current(transcript));
        Assert.Equal(
            AlertDescription.CloseNotify, SignatureVerifier.Verify(certificate, scheme, content, signature.Span));
        Add(transcript, MutualCertificateVerify);
        Assert.Equal(MutualServerFinished, Finished(schedule, server, transcript));
    }

    private static ECParameters Parameters(ReadOnlySpan<byte> point, byte[]? privateKey) => new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = point.Slice(1, 32).ToArray(), Y = point.Slice(33, 32).ToArray() },
        D = privateKey,
    };

    private static string Finished(KeySchedule schedule, byte[] baseKey, Transcript transcript)
    {
        byte[] data = new byte[32];
        schedule.VerifyData(baseKey, Current(transcript), data);
        return "14000020" + Text(data);
    }

    private static byte[] Current(Transcript transcript)
    {
        byte[] hash = new byte[32];
        transcript.Current(hash);
        return hash;
    }

    private static void Add(Transcript transcript, params string[] messages)
    {
        foreach (string message in messages)
        {
            transcript.Add(Hex(message));
        }
    }

    private static byte[] Hex(string text) => Convert.FromHexString(text);

    private static string Text(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
