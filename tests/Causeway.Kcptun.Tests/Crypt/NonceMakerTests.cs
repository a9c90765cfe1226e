using System.Numerics;
using System.Runtime.Intrinsics;
using Causeway.Kcptun.Crypt;

namespace Causeway.Kcptun.Tests.Crypt;

public sealed class NonceMakerTests
{
    public static TheoryData<int> Lengths => [8, 12, 16];

    /// <remarks>Appendix C of the paper: Speck64/128, Speck96/144, Speck128/256. Words of a key from the last to the first.</remarks>
    [Theory]
    [InlineData(32, "1b1a1918 13121110 0b0a0908 03020100", "3b726574 7475432d", "8c6fa548 454e028b")]
    [InlineData(48, "151413121110 0d0c0b0a0908 050403020100", "656d6974206e 69202c726576", "2bf31072228a 7ae440252ee6")]
    [InlineData(
        64,
        "1f1e1d1c1b1a1918 1716151413121110 0f0e0d0c0b0a0908 0706050403020100",
        "65736f6874206e49 202e72656e6f6f70",
        "4109010405c0f53e 4eeeb48d9c188f43")]
    public void SpeckIsThePublishedOne(int wordBits, string key, string plain, string cipher)
    {
        Speck speck = new(wordBits, [.. Words(key).Reverse()]);
        ulong[] text = Words(plain);
        Vector256<ulong> high = Vector256.Create(text[0], 1, text[0], 3);
        Vector256<ulong> low = Vector256.Create(text[1], 2, text[1], 4);
        Vector256<ulong> high0 = high;
        Vector256<ulong> low0 = low;
        speck.Encrypt(ref high, ref low);
        Assert.Equal(Words(cipher), new[] { high[0], low[0] });
        Assert.Equal(Words(cipher), new[] { high[2], low[2] });
        speck.Decrypt(ref high, ref low);
        Assert.Equal(high0, high);
        Assert.Equal(low0, low);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void NoncesDoNotRepeatAndAreKnownAgain(int length)
    {
        NonceMaker maker = new(length);
        NonceMaker other = new(length);
        HashSet<string> seen = [];
        byte[] group = new byte[NonceMaker.Group * length];
        for (int i = 0; i < 20_000; i++)
        {
            for (int at = 0; at < group.Length; at += length)
            {
                maker.Next(group.AsSpan(at, length));
                Assert.True(seen.Add(Convert.ToHexString(group, at, length)));
            }

            int count = 1 + (i % NonceMaker.Group);
            Assert.Equal((1u << count) - 1, maker.FindOwn(group.AsSpan(0, count * length)));
            Assert.Equal(0u, other.FindOwn(group));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void OneBitMakesANonceSomebodyElses(int length)
    {
        NonceMaker maker = new(length);
        byte[] nonce = new byte[length];
        for (int i = 0; i < 50; i++)
        {
            maker.Next(nonce);
            for (int bit = 0; bit < length * 8; bit++)
            {
                nonce[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Equal(0u, maker.FindOwn(nonce));
                nonce[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }
    }

    /// <remarks>A count in clear, or anything that grows, would be seen here; the bounds are 6 standard deviations.</remarks>
    [Theory]
    [MemberData(nameof(Lengths))]
    public void NoncesLookRandomBitByBitAndFromOneToTheNext(int length)
    {
        const int Count = 20_000;
        NonceMaker maker = new(length);
        int[] set = new int[length * 8];
        long changed = 0;
        byte[] nonce = new byte[length];
        byte[] before = new byte[length];
        for (int i = 0; i < Count; i++)
        {
            maker.Next(nonce);
            for (int bit = 0; bit < set.Length; bit++)
            {
                set[bit] += (nonce[bit / 8] >> (bit % 8)) & 1;
            }

            for (int at = 0; at < length; at++)
            {
                changed += BitOperations.PopCount((uint)(nonce[at] ^ before[at]));
            }

            nonce.CopyTo(before, 0);
        }

        double deviation = Math.Sqrt(Count) / 2;
        Assert.All(set, ones => Assert.InRange(ones, (Count / 2) - (6 * deviation), (Count / 2) + (6 * deviation)));
        double bits = Count * set.Length;
        Assert.InRange(changed, (bits / 2) - (3 * Math.Sqrt(bits)), (bits / 2) + (3 * Math.Sqrt(bits)));
    }

    private static ulong[] Words(string text) => [.. text.Split(' ').Select(static word => Convert.ToUInt64(word, 16))];
}
