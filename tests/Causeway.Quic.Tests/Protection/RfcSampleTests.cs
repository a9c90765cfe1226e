using Causeway.Protocol;
using Causeway.Quic.Handshake;
using Causeway.Quic.Protection;
using Causeway.Quic.Wire;

namespace Causeway.Quic.Tests.Protection;

/// <summary>RFC 9001, appendix A, and RFC 9369, appendix A.</summary>
public sealed class RfcSampleTests
{
    private static readonly ConnectionId s_clientDestinationId = Id(RfcSamples.ClientDestinationId);
    private static readonly ConnectionId s_serverSourceId = Id(RfcSamples.ServerSourceId);

    [Theory]
    [InlineData(QuicVersion.V1, EndpointRole.Client, "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea",
        "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2")]
    [InlineData(QuicVersion.V1, EndpointRole.Server, "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b",
        "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314")]
    [InlineData(QuicVersion.V2, EndpointRole.Client, "14ec9d6eb9fd7af83bf5a668bc17a7e283766aade7ecd0891f70f9ff7f4bf47b",
        "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9")]
    [InlineData(QuicVersion.V2, EndpointRole.Server, "0263db1782731bf4588e7e4d93b7463907cb8cd8200b5da55a8bd488eafc37c1",
        "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652", "edf6d05c83121201b436e16877593c3a")]
    internal void InitialKeysAreDerived(
        QuicVersion version, EndpointRole sender, string secret, string key, string iv, string headerKey)
    {
        byte[] actual = new byte[InitialSecrets.Length];
        InitialSecrets.Derive(version, s_clientDestinationId, sender, actual);
        Assert.Equal(secret, Convert.ToHexStringLower(actual));
        AssertKeys(InitialSecrets.Suite, version, actual, key, iv, headerKey);
    }

    [Theory]
    [InlineData(QuicVersion.V1, "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8", "e0459b3474bdd0e44a41c144",
        "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
        "1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9")]
    [InlineData(QuicVersion.V2, "3bfcddd72bcf02541d7fa0dd1f5f9eeea817e09a6963a0e6c7df0f9a1bab90f2", "a6b5bc6ab7dafce30ffff5dd",
        "d659760d2ba434a226fd37b35c69e2da8211d10c4f12538787d65645d5d1b8e2",
        "c69374c49e3d2a9466fa689e49d476db5d0dfbc87d32ceeaa6343fd0ae4c7d88")]
    internal void KeysOfChaChaAreDerived(QuicVersion version, string key, string iv, string headerKey, string nextSecret)
    {
        byte[] secret = Convert.FromHexString(RfcSamples.ShortHeaderSecret);
        AssertKeys(CipherSuite.ChaCha20Poly1305Sha256, version, secret, key, iv, headerKey);
        byte[] next = new byte[32];
        KeySchedule.DeriveNextSecret(CipherSuite.ChaCha20Poly1305Sha256, version, secret, next);
        Assert.Equal(nextSecret, Convert.ToHexStringLower(next));
    }

    [Theory]
    [InlineData(QuicVersion.V1, "0020" + "0e" + "746c733133207175696320 6b6579" + "00", "000c" + "0d" + "746c733133207175696320 6976" + "00")]
    [InlineData(QuicVersion.V2, "0020" + "10" + "746c7331332071756963763220 6b6579" + "00", "000c" + "0f" + "746c7331332071756963763220 6976" + "00")]
    internal void KeysOfAes256AreDerivedBySha384(QuicVersion version, string keyInfo, string ivInfo)
    {
        // No RFC has a sample: HKDF-Expand by hand, whose first block is all that is needed (RFC 5869, 2.3).
        byte[] secret = [.. Enumerable.Range(0, 48).Select(static i => (byte)i)];
        byte[] key = new byte[32];
        byte[] iv = new byte[KeySchedule.IvLength];
        KeySchedule.DeriveKey(CipherSuite.Aes256GcmSha384, version, secret, key);
        KeySchedule.DeriveIv(CipherSuite.Aes256GcmSha384, version, secret, iv);
        Assert.Equal(Expand(keyInfo)[..32], key);
        Assert.Equal(Expand(ivInfo)[..12], iv);

        byte[] Expand(string info)
        {
            byte[] block = [.. Convert.FromHexString(info.Replace(" ", "", StringComparison.Ordinal)), 1];
            return System.Security.Cryptography.HMACSHA384.HashData(secret, block);
        }
    }

    [Theory]
    [InlineData(QuicVersion.V1, RfcSamples.ClientPacketV1)]
    [InlineData(QuicVersion.V2, RfcSamples.ClientPacketV2)]
    internal void ClientInitialIsSealedAndOpened(QuicVersion version, string expected)
    {
        InitialKeys.Create(
            version, s_clientDestinationId, EndpointRole.Client, new ForgeryCount(), out PacketSealer sealer, out _);
        byte[] payload = RfcSamples.ClientPayload();
        byte[] packet = new byte[1200];
        int payloadOffset = PacketHeaderWriter.WriteLong(
            packet, PacketType.Initial, version, true, s_clientDestinationId, default, default, 2, 4);
        payload.CopyTo(packet, payloadOffset);
        PacketHeaderWriter.SetLength(packet, payloadOffset);
        Assert.True(sealer.TrySeal(packet, payloadOffset, 2));
        sealer.ProtectHeader(packet, payloadOffset);
        Assert.Equal(expected, Convert.ToHexStringLower(packet));

        InitialKeys.Create(version, s_clientDestinationId, EndpointRole.Server, new ForgeryCount(), out _, out PacketOpener opener);
        AssertOpens(opener, packet, PacketType.Initial, version, 2, payload);
    }

    [Theory]
    [InlineData(QuicVersion.V1, RfcSamples.ServerPacketV1)]
    [InlineData(QuicVersion.V2, RfcSamples.ServerPacketV2)]
    internal void ServerInitialIsSealedAndOpened(QuicVersion version, string expected)
    {
        InitialKeys.Create(
            version, s_clientDestinationId, EndpointRole.Server, new ForgeryCount(), out PacketSealer sealer, out _);
        byte[] payload = Convert.FromHexString(RfcSamples.ServerPayload);
        byte[] packet = new byte[expected.Length / 2];
        int payloadOffset = PacketHeaderWriter.WriteLong(
            packet, PacketType.Initial, version, true, default, s_serverSourceId, default, 1, 2);
        payload.CopyTo(packet, payloadOffset);
        PacketHeaderWriter.SetLength(packet, payloadOffset);
        Assert.True(sealer.TrySeal(packet, payloadOffset, 1));
        sealer.ProtectHeader(packet, payloadOffset);
        Assert.Equal(expected, Convert.ToHexStringLower(packet));

        InitialKeys.Create(version, s_clientDestinationId, EndpointRole.Client, new ForgeryCount(), out _, out PacketOpener opener);
        AssertOpens(opener, packet, PacketType.Initial, version, 1, payload);
    }

    [Theory]
    [InlineData(QuicVersion.V1, RfcSamples.ShortHeaderPacketV1)]
    [InlineData(QuicVersion.V2, RfcSamples.ShortHeaderPacketV2)]
    internal void ShortHeaderPacketIsSealedAndOpened(QuicVersion version, string expected)
    {
        byte[] secret = Convert.FromHexString(RfcSamples.ShortHeaderSecret);
        ApplicationKeys keys = new(new ForgeryCount());
        keys.SetSealingSecret(CipherSuite.ChaCha20Poly1305Sha256, version, secret);
        keys.SetOpeningSecret(CipherSuite.ChaCha20Poly1305Sha256, version, secret);
        byte[] packet = new byte[21];
        int payloadOffset = PacketHeaderWriter.WriteShort(
            packet, HeaderBits.Fixed, default, RfcSamples.ShortHeaderPacketNumber, 3);
        Assert.Equal("4200bff4", Convert.ToHexStringLower(packet.AsSpan(0, payloadOffset)));
        FrameWriter.Ping(packet.AsSpan(payloadOffset));
        Assert.True(keys.TrySeal(packet, payloadOffset, RfcSamples.ShortHeaderPacketNumber));
        keys.Sealer!.ProtectHeader(packet, payloadOffset);
        Assert.Equal(expected, Convert.ToHexStringLower(packet));

        Assert.True(PacketHeader.TryRead(packet, 0, false, out PacketHeader header));
        Assert.Equal(PacketType.OneRtt, header.Type);
        Assert.Equal(
            OpenStatus.Opened,
            keys.TryOpen(packet, header.PacketNumberOffset, RfcSamples.ShortHeaderPacketNumber - 1, out OpenedPacket opened));
        Assert.Equal(RfcSamples.ShortHeaderPacketNumber, opened.PacketNumber);
        Assert.Equal([0x01], packet.AsSpan(opened.PayloadOffset, opened.PayloadLength).ToArray());
    }

    [Theory]
    [InlineData(QuicVersion.V1, RfcSamples.RetryPacketV1)]
    [InlineData(QuicVersion.V2, RfcSamples.RetryPacketV2)]
    internal void RetryIsWrittenAndChecked(QuicVersion version, string expected)
    {
        byte[] packet = new byte[100];
        int length = RetryPacket.Write(
            packet, version, default, s_serverSourceId, s_clientDestinationId, "token"u8, unusedBits: 0x0f);
        Assert.Equal(expected, Convert.ToHexStringLower(packet.AsSpan(0, length)));

        byte[] received = Convert.FromHexString(expected);
        Assert.True(PacketHeader.TryRead(received, 0, false, out PacketHeader header));
        Assert.Equal(PacketType.Retry, header.Type);
        Assert.Equal(version, header.Version);
        Assert.Equal("token"u8.ToArray(), header.Token.ToArray());
        Assert.Equal(RfcSamples.ServerSourceId, Convert.ToHexStringLower(header.SourceId));
        Assert.True(RetryPacket.IsIntact(received, version, s_clientDestinationId));
        Assert.False(RetryPacket.IsIntact(received, version, s_serverSourceId));
        Assert.False(RetryPacket.IsIntact(received, version == QuicVersion.V1 ? QuicVersion.V2 : QuicVersion.V1, s_clientDestinationId));
        for (int i = 0; i < received.Length; i++)
        {
            received[i] ^= 1;
            Assert.False(RetryPacket.IsIntact(received, version, s_clientDestinationId));
            received[i] ^= 1;
        }
    }

    [Theory]
    [InlineData(CipherSuite.Aes128GcmSha256, "9f50449e04a0e810283a1e9933adedd2", "d1b1c98dd7689fb8ec11d242b123dc9b", "437b9aec36")]
    [InlineData(CipherSuite.Aes128GcmSha256, "c206b8d9b9f0f37644430b490eeaa314", "2cd0991cd25b0aac406a5816b6394100", "2ec0d8356a")]
    [InlineData(CipherSuite.Aes128GcmSha256, "45b95e15235d6f45a6b19cbcb0294ba9", "ffe67b6abcdb4298b485dd04de806071", "94a0c95e80")]
    [InlineData(CipherSuite.Aes128GcmSha256, "edf6d05c83121201b436e16877593c3a", "6f05d8a4398c47089698baeea26b91eb", "4dd92e91ea")]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256, "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
        "5e5cd55c41f69080575d7999c25a5bfb", "aefefe7d03")]
    [InlineData(CipherSuite.ChaCha20Poly1305Sha256, "d659760d2ba434a226fd37b35c69e2da8211d10c4f12538787d65645d5d1b8e2",
        "e7b6b932bc27d786f4bc2bb20f2162ba", "97580e32bf")]
    internal void MasksAreMadeOneByOneAndTogether(CipherSuite suite, string key, string sample, string expected)
    {
        using HeaderProtector protector = HeaderProtector.Create(suite, Convert.FromHexString(key));
        for (int count = 1; count <= 20; count++)
        {
            byte[] samples = [.. Enumerable.Repeat(Convert.FromHexString(sample), count).SelectMany(static bytes => bytes)];
            protector.Mask(samples);
            Assert.All(
                samples.Chunk(HeaderProtector.SampleLength),
                mask => Assert.Equal(expected, Convert.ToHexStringLower(mask.AsSpan(0, HeaderProtector.MaskLength))));
        }
    }

    private static ConnectionId Id(string hex) => new(Convert.FromHexString(hex));

    private static void AssertKeys(
        CipherSuite suite, QuicVersion version, byte[] secret, string key, string iv, string headerKey)
    {
        byte[] actual = new byte[KeySchedule.KeyLength(suite)];
        KeySchedule.DeriveKey(suite, version, secret, actual);
        Assert.Equal(key, Convert.ToHexStringLower(actual));
        KeySchedule.DeriveHeaderKey(suite, version, secret, actual);
        Assert.Equal(headerKey, Convert.ToHexStringLower(actual));
        byte[] actualIv = new byte[KeySchedule.IvLength];
        KeySchedule.DeriveIv(suite, version, secret, actualIv);
        Assert.Equal(iv, Convert.ToHexStringLower(actualIv));
    }

    private static void AssertOpens(
        PacketOpener opener, byte[] packet, PacketType type, QuicVersion version, long number, byte[] payload)
    {
        Assert.True(PacketHeader.TryRead(packet, 0, false, out PacketHeader header));
        Assert.Equal(type, header.Type);
        Assert.Equal(version, header.Version);
        Assert.Equal(packet.Length, header.PacketLength);
        Assert.Equal(
            OpenStatus.Opened,
            opener.TryOpen(packet, header.PacketNumberOffset, PacketNumber.None, out OpenedPacket opened));
        Assert.Equal(number, opened.PacketNumber);
        Assert.Equal(payload, packet.AsSpan(opened.PayloadOffset, opened.PayloadLength).ToArray());
    }
}
