using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

public sealed class KcptunKeyTests
{
    private static readonly JsonElement s_vectors = GoldenVectors.Load("kdf.json");

    public static TheoryData<string> Entries =>
        [.. Rows("entries").Select(static entry => entry.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Entries))]
    public void DerivesWhatTheReferenceDerives(string name)
    {
        JsonElement entry = Rows("entries").Single(entry => entry.GetProperty("name").GetString() == name);
        byte[] password = entry.Hex("password_utf8_hex");
        using KcptunKey fromBytes = new(password);
        using KcptunKey fromText = new(Encoding.UTF8.GetString(password));
        Assert.Equal(entry.Hex("derived_32_hex"), fromBytes.Derived);
        Assert.Equal(entry.Hex("derived_32_hex"), fromText.Derived);
        Assert.Equal(password, fromText.Seed);
    }

    [Fact]
    public void EveryCryptTakesThePrefixAndCostsTheBytesThatTheReferenceSays()
    {
        using KcptunKey key = new(KcptunKey.Default);
        JsonElement[] rows = [.. Rows("crypt_keys_for_default_password")];
        Assert.Equal(KcptunCrypt.All.Count + 1, rows.Length);
        foreach (JsonElement row in rows)
        {
            string name = row.GetProperty("crypt").GetString()!;
            KcptunCrypt crypt = KcptunCrypt.Resolve(name, out bool isFallback);
            Assert.Equal(name.StartsWith('('), isFallback);
            Assert.Equal(isFallback ? KcptunCrypt.DefaultName : name, crypt.Name);
            Assert.Equal(row.Hex("key_hex"), key.Derived[..crypt.KeyLength]);
            Assert.Equal(row.GetProperty("wire_overhead_bytes").GetInt32(), crypt.Overhead);
            using DatagramTransform transform = crypt.CreateTransform(key);
            Assert.Equal(crypt.Overhead, transform.Headroom + transform.Tailroom);
        }
    }

    [Theory]
    [InlineData("AES")]
    [InlineData("aes ")]
    [InlineData("")]
    [InlineData("chacha20")]
    public void UnknownNamesMeanAesAndSaySo(string name)
    {
        Assert.Equal("aes", KcptunCrypt.Resolve(name, out bool isFallback).Name);
        Assert.True(isFallback);
    }

    [Fact]
    public void OnlyGcmAuthenticates() =>
        Assert.Equal("aes-128-gcm", Assert.Single(KcptunCrypt.All, static crypt => crypt.Authenticates).Name);

    [Fact]
    public void XorTablesAreTheReferences()
    {
        foreach (JsonElement table in Rows("xor_tables"))
        {
            using XorCipher cipher = new(table.Hex("xor_pbkdf2_password_hex"));
            Assert.Equal(table.GetProperty("length").GetInt32(), cipher.MaxLength);
            Assert.Equal(table.Hex("first_64_hex"), cipher.Table[..64]);
            Assert.Equal(table.Hex("last_32_hex"), cipher.Table[^32..]);
            Assert.Equal(table.Hex("sha256_of_all_hex"), SHA256.HashData(cipher.Table));
        }
    }

    [Fact]
    public void DisposingZeroesTheKey()
    {
        KcptunKey key = new("secret");
        ReadOnlySpan<byte> seed = key.Seed;
        ReadOnlySpan<byte> derived = key.Derived;
        key.Dispose();
        Assert.Equal(-1, seed.IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, derived.IndexOfAnyExcept((byte)0));
        Assert.Throws<ObjectDisposedException>(() => key.Seed.Length);
        Assert.Throws<ObjectDisposedException>(() => key.Derived.Length);
        Assert.Throws<ObjectDisposedException>(() => KcptunCrypt.Create("aes", key));
    }

    [Fact]
    public void TransformsOutliveTheKeyTheyWereMadeFrom()
    {
        byte[] payload = GoldenVectors.Pattern(100);
        foreach (KcptunCrypt crypt in KcptunCrypt.All)
        {
            KcptunKey key = new("secret");
            using DatagramTransform sender = crypt.CreateTransform(key);
            using DatagramTransform receiver = crypt.CreateTransform(key);
            key.Dispose();
            using PacketBatch batch = new(payload);
            sender.Protect(batch.Buffers);
            Assert.Equal(1, receiver.Unprotect(batch.Buffers));
            Assert.Equal(payload, batch.Buffers[0].Payload);
        }
    }

    private static JsonElement.ArrayEnumerator Rows(string member) => s_vectors.GetProperty(member).EnumerateArray();
}
