using System.Text;
using Causeway.Kcptun.Compression;

namespace Causeway.Kcptun.Tests.Compression;

public sealed class SnappyBlockTests
{
    private readonly SnappyBlockEncoder _encoder = new();

    [Fact]
    public void RoundTripsEveryKindOfBlock()
    {
        Random random = new(2);
        for (int round = 0; round < 3000; round++)
        {
            byte[] plain = Sample(random, round % 50 == 0 ? 65536 : random.Next(1, 3000));
            byte[] encoded = new byte[SnappyBlockEncoder.MaxEncodedLength(plain.Length)];
            int length = _encoder.Encode(plain, encoded, encoded.Length);
            Assert.InRange(length, 1, encoded.Length);
            byte[] decoded = new byte[plain.Length + random.Next(100)];
            bool valid = SnappyBlockDecoder.TryDecode(encoded.AsSpan(0, length), decoded, plain.Length, out int back);
            Assert.True(valid, $"round {round}");
            Assert.True(plain.AsSpan().SequenceEqual(decoded.AsSpan(0, back)), $"round {round}");
        }
    }

    [Fact]
    public void KeepsItsTableApartWhenTheOriginWraps()
    {
        SnappyBlockEncoder encoder = new(uint.MaxValue - (5 * 65536));
        byte[] plain = new byte[65536];
        byte[] encoded = new byte[SnappyBlockEncoder.MaxEncodedLength(plain.Length)];
        byte[] decoded = new byte[plain.Length + SnappyBlockDecoder.Slack];
        Random random = new(3);
        for (int block = 0; block < 20; block++)
        {
            random.NextBytes(plain.AsSpan(0, 4000));
            plain.AsSpan(0, 4000).CopyTo(plain.AsSpan(30000));
            int length = encoder.Encode(plain, encoded, encoded.Length);
            Assert.InRange(length, 1, 10000);
            Assert.True(SnappyBlockDecoder.TryDecode(encoded.AsSpan(0, length), decoded, plain.Length, out int back));
            Assert.True(plain.AsSpan().SequenceEqual(decoded.AsSpan(0, back)), $"block {block}");
        }
    }

    [Fact]
    public void GivesUpAtTheLimit()
    {
        byte[] plain = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 500).Select(static i => $"line {i}; ")));
        byte[] encoded = new byte[SnappyBlockEncoder.MaxEncodedLength(plain.Length)];
        int length = _encoder.Encode(plain, encoded, encoded.Length);
        Assert.True(length < plain.Length);
        Assert.Equal(length, _encoder.Encode(plain, encoded, length));
        Assert.Equal(0, _encoder.Encode(plain, encoded, length - 1));
    }

    [Theory]
    [InlineData("", "no length")]
    [InlineData("80808080", "length without an end")]
    [InlineData("808080808000", "length of more than 32 bits")]
    [InlineData("ffffffff1f", "length beyond 32 bits")]
    [InlineData("05", "no elements")]
    [InlineData("050861", "literal beyond the block")]
    [InlineData("0204616263", "literal behind the decoded length")]
    [InlineData("02fcffffffff61", "literal of 2^32 bytes")]
    [InlineData("02f0", "literal without its length")]
    [InlineData("0600610101", "a byte less than asked for")]
    [InlineData("05006101", "copy without its offset")]
    [InlineData("0500610100", "offset 0")]
    [InlineData("0500610102", "offset before the start")]
    [InlineData("0300610101", "copy beyond the decoded length")]
    [InlineData("050061120200", "two-byte offset before the start")]
    [InlineData("050061130200", "four-byte offset cut")]
    [InlineData("05006113ffffffff", "four-byte offset before the start")]
    public void RefusesMalformedBlocks(string hex, string why)
    {
        byte[] destination = new byte[256];
        Assert.False(SnappyBlockDecoder.TryDecode(Convert.FromHexString(hex), destination, 100, out _), why);
    }

    [Fact]
    public void DecodesTheElementsThatTheEncoderDoesNotWrite()
    {
        // A one-byte copy by the two-byte form, a four-byte offset, and a literal whose length takes four bytes.
        byte[] destination = new byte[64];
        byte[] block = Convert.FromHexString("0a" + "fc02000000616263" + "020300" + "1703000000");
        Assert.True(SnappyBlockDecoder.TryDecode(block, destination, 64, out int length));
        Assert.Equal("abcabcabca"u8, destination.AsSpan(0, length));
    }

    [Fact]
    public void NeverWritesBeyondTheDestinationWhateverItReads()
    {
        // Blocks and destinations end where their arrays end, so a read or write beyond would be seen by the guard or
        // crash.
        Random random = new(4);
        byte[] guarded = new byte[4096 + 64];
        for (int round = 0; round < 100_000; round++)
        {
            byte[] plain = Sample(random, random.Next(1, 200));
            byte[] encoded = new byte[SnappyBlockEncoder.MaxEncodedLength(plain.Length)];
            byte[] block = encoded[.._encoder.Encode(plain, encoded, encoded.Length)];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                block[random.Next(block.Length)] = (byte)random.Next(256);
            }

            block = block[..random.Next(1, block.Length + 1)];
            int room = random.Next(0, 400);
            guarded.AsSpan(room, 64).Fill(0xA5);
            SnappyBlockDecoder.TryDecode(block, guarded.AsSpan(0, room), room, out int length);
            Assert.InRange(length, 0, room);
            Assert.True(guarded.AsSpan(room, 64).IndexOfAnyExcept((byte)0xA5) < 0, $"round {round}");
        }
    }

    internal static byte[] Sample(Random random, int length)
    {
        byte[] bytes = new byte[length];
        switch (random.Next(4))
        {
            case 0:
                random.NextBytes(bytes);
                break;
            case 1:
                int period = random.Next(1, 40);
                random.NextBytes(bytes.AsSpan(0, Math.Min(period, length)));
                for (int i = period; i < length; i++)
                {
                    bytes[i] = bytes[i - period];
                }

                break;
            case 2:
                for (int i = 0; i < length; i++)
                {
                    bytes[i] = (byte)"abcd"[random.Next(4)];
                }

                break;
            default:
                for (int i = 0; i < length;)
                {
                    int from = random.Next(i + 1);
                    int run = Math.Min(random.Next(1, 90), length - i);
                    for (int j = 0; j < run; j++, i++)
                    {
                        bytes[i] = run < 8 || i == 0 ? (byte)random.Next(256) : bytes[(from + j) % i];
                    }
                }

                break;
        }

        return bytes;
    }
}
