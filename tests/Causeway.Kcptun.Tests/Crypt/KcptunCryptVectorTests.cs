using System.IO.Hashing;
using System.Text.Json;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>Every packet that the reference's send pipeline recorded, in both directions.</summary>
public sealed class KcptunCryptVectorTests
{
    private static readonly JsonElement s_vectors = GoldenVectors.Load("crypt.json");

    public static TheoryData<string> Crypts => [.. Rows.Select(Name)];

    private static JsonElement.ArrayEnumerator Rows => s_vectors.GetProperty("ciphers").EnumerateArray();

    [Fact]
    public void VectorsCoverEveryCrypt() =>
        Assert.Equal(KcptunCrypt.All.Select(static crypt => crypt.Name).Order(), Rows.Select(Name).Order());

    [Theory]
    [MemberData(nameof(Crypts))]
    public void PacketsAreTheReferences(string name)
    {
        JsonElement row = Row(name);
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        using KcptunKey key = new(KcptunKey.Default);
        Assert.Equal(row.Hex("key_hex"), key.Derived[..crypt.KeyLength]);

        JsonElement[] packets = [.. row.GetProperty("packets").EnumerateArray()];
        byte[][] payloads = [.. packets.Select(Payload)];
        byte[][] wires = [.. packets.Select(static packet => packet.Hex("wire_hex"))];
        byte[][] nonces = [.. packets.Select(static packet => packet.Hex("nonce_hex"))];
        using DatagramTransform sender = crypt.CreateTransform(key, new GivenNonces(nonces));
        using PacketBatch batch = new(payloads);
        sender.Protect(batch.Buffers);
        Assert.Equal(wires, batch.Payloads);

        // The receiver's floor is 12 bytes of payload.
        using DatagramTransform receiver = crypt.CreateTransform(key, new GivenNonces());
        int opened = receiver.Unprotect(batch.Buffers);
        Assert.Equal(payloads.Where(static payload => payload.Length >= 12), batch.Payloads[..opened]);
        Assert.Equal(payloads.Length - opened, receiver.TooShort);
        Assert.Equal(0, receiver.NotAuthentic);
    }

    [Theory]
    [MemberData(nameof(Crypts))]
    public void PayloadChecksumsAreTheReferences(string name)
    {
        foreach (JsonElement packet in Row(name).GetProperty("packets").EnumerateArray())
        {
            if (packet.TryGetProperty("crc32_le_hex", out JsonElement checksum))
            {
                Assert.Equal(BitConverter.ToUInt32(checksum.Hex()), Crc32.HashToUInt32(Payload(packet)));
            }
        }
    }

    [Fact]
    public void EveryPrefixOfTheRawCiphersIsTheReferences()
    {
        byte[] plain = s_vectors.Hex("raw_cipher_plain_hex");
        foreach ((string name, string path, PacketCipher cipher) in CipherPaths.All(Key))
        {
            using (cipher)
            {
                byte[] expected = Row(name).GetProperty("raw_cipher").Hex("cipher_hex");
                int shortest = name == "salsa20" ? 8 : 0;
                IEnumerable<int> lengths = Enumerable.Range(shortest, plain.Length + 1 - shortest);
                byte[][] prefixes = [.. lengths.Select(length => plain[..length])];
                using PacketBatch batch = new(track: false, prefixes);
                cipher.Encrypt(batch.Buffers);
                foreach (PacketBuffer packet in batch.Buffers)
                {
                    bool same = packet.Payload.SequenceEqual(expected.AsSpan(0, packet.Length));
                    Assert.True(same, $"{name} by {path}, {packet.Length} bytes");
                }

                cipher.Decrypt(batch.Buffers);
                Assert.Equal(prefixes, batch.Payloads);
            }
        }
    }

    [Fact]
    public void PipelineWithFecIsTheReferences()
    {
        foreach (JsonElement row in s_vectors.GetProperty("pipeline_with_fec").EnumerateArray())
        {
            KcptunCrypt crypt = KcptunCrypt.Resolve(row.GetProperty("crypt").GetString()!, out _);
            using KcptunKey key = new(KcptunKey.Default);
            byte[][] wires = Bytes(row.GetProperty("wire_hex"));
            using PacketBatch batch = new(wires);
            using DatagramTransform receiver = crypt.CreateTransform(key);
            Assert.Equal(wires.Length, receiver.Unprotect(batch.Buffers));

            // A data shard's datagram: FEC header of 6 bytes, size of 2, then the KCP packet.
            byte[][] kcp = Bytes(row.GetProperty("kcp_packets_hex"));
            byte[][] shards = batch.Payloads;
            Assert.Equal(kcp, shards[..kcp.Length].Select(static shard => shard[8..]));

            JsonElement nonces = row.GetProperty("nonces_hex");
            using DatagramTransform sender = crypt.CreateTransform(
                key, new GivenNonces(nonces.ValueKind == JsonValueKind.Array ? Bytes(nonces) : []));
            sender.Protect(batch.Buffers);
            Assert.Equal(wires, batch.Payloads);

            KcptunMtu mtu = KcptunMtu.Effective(row.GetProperty("mtu_setting").GetInt32(), crypt, fec: true);
            Assert.Equal(row.GetProperty("kcp_mtu").GetInt32(), mtu.KcpMtu);
            Assert.Equal(row.GetProperty("kcp_mss").GetInt32(), mtu.Mss);
        }
    }

    [Fact]
    public void MtuTableIsTheReferences()
    {
        foreach (JsonElement row in s_vectors.GetProperty("mtu_table").EnumerateArray())
        {
            KcptunCrypt crypt = KcptunCrypt.Resolve(row.GetProperty("crypt").GetString()!, out _);
            KcptunMtu expected = new(row.GetProperty("kcp_mtu").GetInt32(), row.GetProperty("kcp_mss").GetInt32());
            int setting = row.GetProperty("mtu_setting").GetInt32();
            Assert.Equal(expected, KcptunMtu.Effective(setting, crypt, row.GetProperty("fec").GetBoolean()));
        }
    }

    [Theory]
    [InlineData("aes", true, 78, 50)]
    [InlineData("aes", true, 77, 1372)]
    [InlineData("aes", false, 69, 1380)]
    [InlineData("null", false, 50, 50)]
    [InlineData("null", false, 49, 1400)]
    [InlineData("aes-128-gcm", true, 0, 1364)]
    [InlineData("aes-128-gcm", false, int.MinValue, 1372)]
    [InlineData("aes-128-gcm", false, int.MaxValue, 1472)]
    public void SettingsThatLeaveTooLittleAreIgnored(string name, bool fec, int setting, int kcpMtu)
    {
        KcptunCrypt crypt = KcptunCrypt.Resolve(name, out _);
        Assert.Equal(new KcptunMtu(kcpMtu, kcpMtu - 24), KcptunMtu.Effective(setting, crypt, fec));
    }

    private static byte[] Key(string crypt) => Row(crypt).Hex("key_hex");

    private static JsonElement Row(string crypt) => Rows.Single(row => Name(row) == crypt);

    private static string Name(JsonElement row) => row.GetProperty("crypt").GetString()!;

    private static byte[] Payload(JsonElement packet) =>
        GoldenVectors.Pattern(packet.GetProperty("payload_len").GetInt32());

    private static byte[][] Bytes(JsonElement array) => [.. array.EnumerateArray().Select(static item => item.Hex())];
}
