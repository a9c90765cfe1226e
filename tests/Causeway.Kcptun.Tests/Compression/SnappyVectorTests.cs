using System.Text.Json;
using Causeway.Kcptun.Compression;
using Causeway.Protocol;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Compression;

public sealed class SnappyVectorTests
{
    private static readonly JsonElement s_vectors = GoldenVectors.Load("snappy.json");

    public static TheoryData<int, string> DecoderCases()
    {
        TheoryData<int, string> cases = [];
        int index = 0;
        foreach (JsonElement item in s_vectors.GetProperty("decoder_cases").EnumerateArray())
        {
            cases.Add(index++, item.GetProperty("note").GetString()!);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(DecoderCases))]
    public void DecodesOddStreamsAsTheReferenceDoes(int index, string note)
    {
        JsonElement item = s_vectors.GetProperty("decoder_cases")[index];
        string expected = item.GetProperty("result").GetString()!;
        using SnappyFixture fixture = new();
        byte[] decoded = fixture.Decode(item.Hex("stream_hex"));
        if (expected.StartsWith("read ", StringComparison.Ordinal))
        {
            Assert.Null(fixture.Codec.Failure);
            Assert.Equal(expected["read ".Length..], Convert.ToHexStringLower(decoded));
        }
        else
        {
            Assert.True(fixture.Codec.Failure is not null, note);
            Assert.Empty(decoded);
        }
    }

    [Fact]
    public void DecodesTheStreamOfTheReference()
    {
        using SnappyFixture fixture = new();
        int compared = 0;
        foreach (JsonElement item in s_vectors.GetProperty("one_stream").EnumerateArray())
        {
            if (item.TryGetProperty("writes_hex", out JsonElement writes))
            {
                byte[] stream = [.. writes.EnumerateArray().SelectMany(static write => write.Hex())];
                Assert.Equal(PlainOf(item), fixture.Decode(stream));
                compared++;
            }
        }

        Assert.Null(fixture.Codec.Failure);
        Assert.Equal(6, compared);
    }

    [Fact]
    public void EncodesWhatTheReferenceWouldDecode()
    {
        using SnappyFixture fixture = new();
        int compared = 0;
        foreach (JsonElement item in s_vectors.GetProperty("one_stream").EnumerateArray())
        {
            byte[] plain = PlainOf(item);
            int header = Math.Min(8, plain.Length);
            byte[] encoded = fixture.Codec.Encode(plain.AsSpan(0, header), plain.AsSpan(header)).ToArray();
            Assert.Equal(plain, fixture.Decode(encoded));

            // Where the reference stores, so must we, and then every byte is the same; where it compresses, we may
            // differ by choosing other copies, but not in whether it is worth it.
            int[] lengths = [.. item.GetProperty("write_lengths").EnumerateArray().Select(static length => length.GetInt32())];
            byte[]? reference = item.TryGetProperty("writes_hex", out JsonElement writes)
                ? [.. writes.EnumerateArray().SelectMany(static write => write.Hex())]
                : null;
            bool stored = lengths.Sum() >= plain.Length;
            if (stored && reference is not null)
            {
                Assert.Equal(reference, encoded);
                compared++;
            }
            else if (reference is not null)
            {
                Assert.Equal(reference[0], encoded[0]);
                Assert.Equal(reference[4..8], encoded[4..8]);
            }

            Assert.True(stored ? encoded.Length == lengths.Sum() : encoded.Length < plain.Length);
        }

        Assert.Equal(3, compared);
        Assert.Null(fixture.Codec.Failure);
    }

    private static byte[] PlainOf(JsonElement item)
    {
        if (item.TryGetProperty("plain_hex", out _))
        {
            return item.Hex("plain_hex");
        }

        byte[] plain = new byte[item.GetProperty("plain_len").GetInt32()];
        if (item.GetProperty("note").GetString()!.Contains("pseudo-random", StringComparison.Ordinal))
        {
            uint x = 12345;
            for (int i = 0; i < plain.Length; i++)
            {
                x = unchecked((x * 1664525) + 1013904223);
                plain[i] = (byte)(x >> 24);
            }
        }

        return plain;
    }
}
