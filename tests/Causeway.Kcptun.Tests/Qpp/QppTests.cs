using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Causeway.Kcptun.Qpp;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Qpp;

public sealed class QppTests
{
    private static readonly JsonElement s_cases = GoldenVectors.Load("qpp.json").GetProperty("cases");

    public static TheoryData<int, string> Cases()
    {
        TheoryData<int, string> cases = [];
        int index = 0;
        foreach (JsonElement item in s_cases.EnumerateArray())
        {
            cases.Add(index++, item.GetProperty("name").GetString()!);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void MatchesTheVectors(int index, string name)
    {
        JsonElement item = s_cases[index];
        byte[] key = item.Hex("key_hex");
        QppPad pad = new(key, item.GetProperty("pads").GetInt32());

        byte[] chunks = QppPad.SeedChunks(key);
        Assert.Equal(item.Hex("seed_chunk_0_hex"), chunks[..32]);
        Assert.Equal(item.Hex("seed_chunk_6_hex"), chunks[192..]);
        foreach (JsonElement some in item.GetProperty("some_pads").EnumerateArray())
        {
            Assert.Equal(some.Hex("pad_hex"), pad.Pads.Slice(some.GetProperty("index").GetInt32() * 256, 256));
        }

        Assert.Equal(item.Hex("sha256_of_all_pads_hex"), SHA256.HashData(pad.Pads));
        Assert.Equal(item.Hex("sha256_of_all_inverse_pads_hex"), SHA256.HashData(pad.Inverses));

        Xoshiro256 generator = pad.Generator;
        ulong first = generator.Next();
        Assert.Equal(item.GetProperty("first_output_u64_hex").HexUInt64(), first);
        Assert.Equal(
            item.GetProperty("xoshiro_state_after_first_output_u64_hex").EnumerateArray().Select(static word => word.HexUInt64()),
            generator.State);
        ulong[] outputs = [first, .. Enumerable.Range(0, 7).Select(_ => generator.Next())];
        Assert.Equal(item.GetProperty("first_8_outputs_u64_hex").EnumerateArray().Select(static word => word.HexUInt64()), outputs);

        byte[] plain = item.Hex("plain_hex");
        byte[] cipher = new byte[plain.Length];
        pad.CreateCipher().Encrypt(plain, cipher);
        Assert.True(item.Hex("cipher_hex").AsSpan().SequenceEqual(cipher), name);

        byte[] pattern = GoldenVectors.Pattern(5000);
        foreach (JsonElement chunk in item.GetProperty("verified_write_chunk_sizes").EnumerateArray())
        {
            byte[] output = new byte[pattern.Length];
            QppStreamCipher stream = pad.CreateCipher();
            for (int at = 0; at < pattern.Length;)
            {
                int length = Math.Min(chunk.GetInt32(), pattern.Length - at);
                stream.Encrypt(pattern.AsSpan(at, length), output.AsSpan(at));
                at += length;
            }

            Assert.Equal(item.Hex("sha256_of_cipher_of_5000_pattern_bytes_hex"), SHA256.HashData(output));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(61)]
    [InlineData(257)]
    public void DependsOnThePositionAlone(int count)
    {
        QppPad pad = new("any key"u8, count);
        Random random = new(count);
        byte[] plain = new byte[20_000];
        random.NextBytes(plain);
        byte[] whole = new byte[plain.Length];
        pad.CreateCipher().Encrypt(plain, whole);
        for (int round = 0; round < 50; round++)
        {
            // One cipher, both directions in step, in place and apart, in cuts that need not agree.
            QppStreamCipher cipher = pad.CreateCipher();
            byte[] bytes = (byte[])plain.Clone();
            int encrypted = 0;
            int decrypted = 0;
            while (decrypted < bytes.Length)
            {
                int length = Math.Min(random.Next(1, round % 2 == 0 ? 20 : 3000), bytes.Length - encrypted);
                cipher.Encrypt(bytes.AsSpan(encrypted, length), bytes.AsSpan(encrypted, length));
                Assert.True(whole.AsSpan(encrypted, length).SequenceEqual(bytes.AsSpan(encrypted, length)));
                encrypted += length;
                length = random.Next(encrypted - decrypted + 1);
                cipher.Decrypt(bytes.AsSpan(decrypted, length), bytes.AsSpan(decrypted, length));
                decrypted += length;
            }

            Assert.Equal(plain, bytes);
        }
    }

    [Fact]
    public void EveryPadIsAPermutationAlsoInLaterBatches()
    {
        QppPad pad = new("key"u8, 600);
        QppPad fewer = new("key"u8, 3);
        Assert.Equal(fewer.Pads, pad.Pads[..fewer.Pads.Length]);
        for (int i = 0; i < pad.Count; i++)
        {
            byte[] sorted = pad.Pads.Slice(i * 256, 256).ToArray();
            Array.Sort(sorted);
            Assert.Equal(Enumerable.Range(0, 256).Select(static value => (byte)value), sorted);
        }
    }

    [Fact]
    public void SelectsThePadByTheRemainderForEveryCount()
    {
        // The multiplication that replaces the division is exact for operands of 16 bits.
        Random random = new(1);
        for (uint count = 1; count <= 65535; count += (uint)random.Next(1, 200))
        {
            uint reciprocal = unchecked((uint.MaxValue / count) + 1);
            for (uint word = 0; word <= 65535; word += (uint)random.Next(1, 400))
            {
                uint index = (uint)(((ulong)unchecked(reciprocal * word) * count) >> 32);
                Assert.True(index == word % count, string.Create(CultureInfo.InvariantCulture, $"{word} mod {count}"));
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65536)]
    public void RefusesACountOutOfRange(int count)
    {
        ArgumentOutOfRangeException thrown = Assert.Throws<ArgumentOutOfRangeException>(() => new QppPad("key"u8, count));
        Assert.Contains("QPPCount must be 1 to 65535", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TakesAnEmptyKey() => Assert.Equal(7, new QppPad([], 7).Count);

    [Theory]
    [InlineData(211, 61, new string[0])]
    [InlineData(210, 61, new[] { "the key has 210 bytes" })]
    [InlineData(211, 5, new[] { "it should be 7 or more" })]
    [InlineData(211, 64, new[] { "it should be odd" })]
    [InlineData(14, 6, new[] { "the key has 14 bytes", "it should be 7 or more", "it should be odd" })]
    public void WarnsAsTheReferenceDoes(int keyLength, int count, string[] parts)
    {
        IReadOnlyList<string> warnings = QppPad.Warnings(keyLength, count);
        Assert.Equal(parts.Length, warnings.Count);
        Assert.All(parts.Zip(warnings), static pair => Assert.Contains(pair.First, pair.Second, StringComparison.Ordinal));
    }

    [Fact]
    public void RefusesADestinationThatIsTooShort()
    {
        QppStreamCipher cipher = new QppPad("key"u8, 7).CreateCipher();
        Assert.Throws<ArgumentException>(() => cipher.Encrypt(new byte[2], new byte[1]));
        Assert.Throws<ArgumentException>(() => cipher.Decrypt(new byte[2], new byte[1]));
    }
}
