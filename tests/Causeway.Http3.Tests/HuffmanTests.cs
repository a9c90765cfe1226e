using System.Text;
using Causeway.Http3.Qpack;
using FsCheck.Xunit;

namespace Causeway.Http3.Tests;

public sealed class HuffmanTests
{
    /// <summary>RFC 7541, C.4 and C.6.</summary>
    [Theory]
    [InlineData("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff")]
    [InlineData("no-cache", "a8eb10649cbf")]
    [InlineData("custom-key", "25a849e95ba97d7f")]
    [InlineData("custom-value", "25a849e95bb8e8b4bf")]
    [InlineData("302", "6402")]
    [InlineData("private", "aec3771a4b")]
    [InlineData("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff")]
    [InlineData("https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3")]
    [InlineData("307", "640eff")]
    [InlineData("Mon, 21 Oct 2013 20:13:22 GMT", "d07abe941054d444a8200595040b8166e084a62d1bff")]
    [InlineData("gzip", "9bd9ab")]
    [InlineData(
        "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void EncodesAndDecodesTheExamplesOfTheRfc(string text, string encoded)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Assert.Equal(encoded, Convert.ToHexStringLower(Encode(bytes)));
        Assert.Equal(bytes, Decode(Convert.FromHexString(encoded)));
    }

    /// <summary>Samples of RFC 7541, appendix B, over all lengths of codes.</summary>
    [Theory]
    [InlineData(0, 0x1ff8, 13)]
    [InlineData(9, 0xffffea, 24)]
    [InlineData(10, 0x3ffffffc, 30)]
    [InlineData('0', 0x0, 5)]
    [InlineData('a', 0x3, 5)]
    [InlineData('z', 0x7b, 7)]
    [InlineData('&', 0xf8, 8)]
    [InlineData('\\', 0x7fff0, 19)]
    [InlineData(127, 0xffffffc, 28)]
    [InlineData(162, 0xfffe9, 20)]
    [InlineData(187, 0x3fffe4, 22)]
    [InlineData(199, 0x1ffffec, 25)]
    [InlineData(221, 0x7ffffe3, 27)]
    [InlineData(241, 0x7ffffe6, 27)]
    [InlineData(249, 0xffffffe, 28)]
    [InlineData(254, 0x7fffff0, 27)]
    [InlineData(255, 0x3ffffee, 26)]
    [InlineData(256, 0x3fffffff, 30)]
    public void HasTheCodesOfTheRfc(int symbol, int code, int length)
    {
        Assert.Equal((uint)code, HuffmanCode.Code(symbol));
        Assert.Equal(length, HuffmanCode.Length(symbol));
    }

    [Fact]
    public void CodeIsComplete()
    {
        double sum = Enumerable.Range(0, 257).Sum(static symbol => Math.Pow(2, -HuffmanCode.Length(symbol)));
        Assert.Equal(1.0, sum);
    }

    [Theory]
    [InlineData("fffffffc")] // the end-of-string symbol and two bits
    [InlineData("ffffffff")]
    [InlineData("6402ff")] // eight bits of padding more
    [InlineData("00")] // five bits are '0', the padding is zeros
    [InlineData("ff")]
    [InlineData("1e")] // 'a' and padding that ends in zero
    public void RefusesWrongPadding(string encoded) => Assert.Null(Decode(Convert.FromHexString(encoded)));

    [Property(MaxTest = 2000)]
    public void DecodesWhatItEncodes(byte[] bytes) => Assert.Equal(bytes, Decode(Encode(bytes)));

    [Property(MaxTest = 2000)]
    public void WhatDecodesIsEncodedTheSameAgain(byte[] bytes)
    {
        byte[]? decoded = Decode(bytes);
        if (decoded is not null)
        {
            Assert.Equal(bytes, Encode(decoded));
        }
    }

    private static byte[] Encode(byte[] bytes)
    {
        byte[] encoded = new byte[Huffman.EncodedLength(bytes)];
        Huffman.Encode(bytes, encoded);
        return encoded;
    }

    private static byte[]? Decode(byte[] encoded)
    {
        byte[] decoded = new byte[Huffman.MaxDecodedLength(encoded.Length)];
        return Huffman.TryDecode(encoded, decoded, out int length) ? decoded[..length] : null;
    }
}
