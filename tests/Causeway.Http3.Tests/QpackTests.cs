using System.Buffers;
using Causeway.Http3.Qpack;
using Causeway.TestKit;
using FsCheck.Xunit;

namespace Causeway.Http3.Tests;

public sealed class QpackTests
{
    private const int Limit = 64 * 1024;

    private static readonly HttpField[] s_sample =
    [
        new(":method", "GET"), new(":scheme", "https"), new(":authority", "example.com:4433"), new(":path", "/a/file.bin?x=1"),
        new("accept", "*/*"), new("user-agent", "causeway"), new("authorization", "Basic YTpi"), new("x-own", ""),
        new("x-binary", "\u00e9\u00ff\u0080"), new("x-long", new string('w', 300)), new("cookie", "a=b"),
    ];

    /// <summary>RFC 9204, B.1.</summary>
    [Fact]
    public void DecodesTheExampleOfTheRfc()
    {
        (QpackStatus status, List<HttpField> fields) = Decode(Convert.FromHexString("0000510b2f696e6465782e68746d6c"));
        Assert.Equal(QpackStatus.Decoded, status);
        Assert.Equal([new HttpField(":path", "/index.html")], fields);
    }

    /// <summary>The field lines of B.2 and B.4, which need the dynamic table, and each form that refers to it (4.5).</summary>
    [Theory]
    [InlineData("03811011")] // B.2
    [InlineData("050080c181")] // B.4
    [InlineData("0080")] // only a prefix, with the sign bit
    [InlineData("000080")] // indexed, dynamic
    [InlineData("000010")] // indexed, post-base
    [InlineData("00004001" + "61")] // literal with dynamic name reference
    [InlineData("00000001" + "61")] // literal with post-base name reference
    [InlineData("0000ff24")] // static index 99
    [InlineData("00005f5401" + "61")] // name of static index 99
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0000ff")] // an integer cut off
    [InlineData("00005105" + "61")] // a string cut off
    [InlineData("000051ffffffffffffffffff7f")] // a string of 2^62 bytes
    [InlineData("0000ffffffffffffffffffffffff01")] // an integer without end
    [InlineData("00005181ff")] // padding of eight bits
    public void RefusesWhatNeedsADynamicTableOrIsMalformed(string section) =>
        Assert.Equal(QpackStatus.Failed, Decode(Convert.FromHexString(section)).Status);

    [Fact]
    public void EncodesWithStaticReferencesAndHuffman()
    {
        Assert.Equal("0000d1d7", Hex(new HttpField(":method", "GET"), new HttpField(":scheme", "https")));

        // :authority by its name's index, the value in Huffman code (RFC 7541, C.4.1).
        Assert.Equal("0000508cf1e3c2e5f23a6ba0ab90f4ff", Hex(new HttpField(":authority", "www.example.com")));

        // No shorter in Huffman code: left as it is. The path is RFC 9204, B.1 but for that.
        Assert.Equal("0000520121", Hex(new HttpField("age", "!")));

        // The N bit keeps secrets out of others' dynamic tables.
        Assert.StartsWith("00007f45", Hex(new HttpField("authorization", "x")), StringComparison.Ordinal);
    }

    [Fact]
    public void DecodesWhatItEncodes()
    {
        (QpackStatus status, List<HttpField> fields) = Decode(Encode(s_sample));
        Assert.Equal(QpackStatus.Decoded, status);
        Assert.Equal(s_sample, fields);
    }

    [Property(MaxTest = 500)]
    public void AnyFieldsSurvive((byte[] Name, byte[] Value)[] pairs)
    {
        HttpField[] fields = [.. pairs.Select(static pair => new HttpField(Text(pair.Name), Text(pair.Value)))];
        (QpackStatus status, List<HttpField> decoded) = Decode(Encode(fields));
        Assert.Equal(QpackStatus.Decoded, status);
        Assert.Equal(fields, decoded);
    }

    [Fact]
    public void EveryEntryOfTheStaticTableIsOneReference()
    {
        for (int i = 0; i < StaticTable.Count; i++)
        {
            Assert.True(StaticTable.TryGet(i, out HttpField field));
            byte[] encoded = Encode([field]);
            Assert.True(encoded.Length <= 4, field.ToString());
            Assert.Equal([field], Decode(encoded).Fields);
        }

        Assert.Equal(99, StaticTable.Count);
        Assert.False(StaticTable.TryGet(99, out _));
    }

    /// <summary>RFC 7541, C.1.</summary>
    [Theory]
    [InlineData(10, 5, "0a")]
    [InlineData(1337, 5, "1f9a0a")]
    [InlineData(42, 8, "2a")]
    [InlineData((1L << 62) - 1, 5, "1fe0ffffffffffffff3f")]
    public void WritesAndReadsIntegers(long value, int prefixBits, string encoded)
    {
        ArrayBufferWriter<byte> output = new();
        PrefixedInteger.Write(output, 0, prefixBits, value);
        Assert.Equal(encoded, Convert.ToHexStringLower(output.WrittenSpan));
        ReadOnlySpan<byte> source = output.WrittenSpan;
        Assert.True(PrefixedInteger.TryRead(ref source, prefixBits, out long read));
        Assert.Equal(value, read);
        Assert.True(source.IsEmpty);
    }

    [Fact]
    public void RefusesIntegersOfMoreThan62Bits()
    {
        ReadOnlySpan<byte> source = Convert.FromHexString("1fe1ffffffffffffff3f");
        Assert.False(PrefixedInteger.TryRead(ref source, 5, out _));
    }

    [Fact]
    public void RefusesSectionsAboveTheLimit()
    {
        byte[] section = Encode([new HttpField("a", new string('a', 600)), new HttpField("b", "1")]);
        Assert.Equal(QpackStatus.Decoded, Decode(section, 601 + 32 + 2 + 32).Status);
        Assert.Equal(QpackStatus.TooLarge, Decode(section, 601 + 32 + 2 + 31).Status);
        Assert.Equal(QpackStatus.TooLarge, Decode(section, 500).Status);

        // References of one byte stand for many: the limit counts what they stand for.
        byte[] references = [0, 0, .. Enumerable.Repeat((byte)0xd1, 5000)];
        Assert.Equal(QpackStatus.TooLarge, Decode(references).Status);
    }

    [Fact]
    public void EveryChangeOfOneByteIsDecodedOrRefused()
    {
        byte[] section = Encode(s_sample);
        for (int at = 0; at < section.Length; at++)
        {
            byte original = section[at];
            for (int value = 0; value < 256; value++)
            {
                section[at] = (byte)value;
                (QpackStatus status, List<HttpField> fields) = Decode(section);
                if (status == QpackStatus.Decoded)
                {
                    Assert.Equal(fields, Decode(Encode(fields)).Fields);
                }
            }

            section[at] = original;
        }
    }

    [Fact]
    public void NoMutationThrows() => Mutator.Run(
        [Encode(s_sample), Convert.FromHexString("03811011"), [0, 0, 0xff, 0x24]], 20_000, seed: 0x9204,
        static input => Decode(input.ToArray(), 4096));

    [Theory]
    [InlineData("20", true)]
    [InlineData("2020", true)]
    [InlineData("21", false)]
    [InlineData("3fbd01", false)] // B.2: a capacity of 220
    [InlineData("c00f", false)] // an insert
    [InlineData("02", false)] // a duplicate
    public void TheEncoderStreamMayOnlyTakeTheTableAway(string bytes, bool accepted) =>
        Assert.Equal(accepted, QpackStreams.AcceptEncoderInstructions(Convert.FromHexString(bytes)));

    [Theory]
    [InlineData("48", true)] // B.4: cancellation of stream 8
    [InlineData("7f8001" + "40", true)]
    [InlineData("84", false)] // B.2: an acknowledgement
    [InlineData("01", false)] // B.3: an increment
    [InlineData("7fffffffffffffffffffffff", false)]
    public void TheDecoderStreamMayOnlyCancel(string bytes, bool accepted)
    {
        QpackStreams streams = new();
        bool all = true;
        foreach (byte next in Convert.FromHexString(bytes))
        {
            all &= streams.AcceptDecoderInstructions([next]);
        }

        Assert.Equal(accepted, all);
        Assert.Equal(accepted, new QpackStreams().AcceptDecoderInstructions(Convert.FromHexString(bytes)));
    }

    private static string Text(byte[] bytes) => System.Text.Encoding.Latin1.GetString(bytes);

    private static string Hex(params HttpField[] fields) => Convert.ToHexStringLower(Encode(fields));

    private static byte[] Encode(IEnumerable<HttpField> fields)
    {
        ArrayBufferWriter<byte> output = new();
        QpackEncoder.Encode(fields, output);
        return output.WrittenSpan.ToArray();
    }

    private static (QpackStatus Status, List<HttpField> Fields) Decode(byte[] section, int limit = Limit)
    {
        List<HttpField> fields = [];
        return (QpackDecoder.Decode(section, limit, fields), fields);
    }
}
