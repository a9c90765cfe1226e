using System.Numerics;
using System.Security.Cryptography;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol.Crypto;
using Causeway.TestKit;

namespace Causeway.Kcptun.Tests.Crypt;

public sealed class NonceMakerTests
{
    private const ulong Seed = 20261129;

    public static TheoryData<int> Lengths => [8, 12, 16];

    /// <remarks>FIPS 197, appendix C.1.</remarks>
    [Fact]
    public void TheLongestAreAesBackwards()
    {
        byte[] key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f");
        byte[] plain = Convert.FromHexString("00112233445566778899aabbccddeeff");
        byte[] cipher = Convert.FromHexString("69c4e0d86a7b0430d8cdb78070b4c55a");
        using NoncePermutation scrambler = NoncePermutation.CreateScrambler(length: 16, key);
        using NoncePermutation unscrambler = NoncePermutation.CreateUnscrambler(length: 16, key);
        byte[] result = new byte[32];
        scrambler.Apply([.. cipher, .. cipher], result);
        Assert.Equal([.. plain, .. plain], result);
        scrambler.Apply(cipher, result);
        Assert.Equal(plain, result[..16]);
        unscrambler.Apply(plain, result);
        Assert.Equal(cipher, result[..16]);
    }

    /// <summary>Three rounds by the book, half by half and by .NET's AES.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(12)]
    public void TheShorterAreThreeRoundsOfFeistelByAes(int length)
    {
        SeededRandom random = new(Seed);
        byte[] key = new byte[NoncePermutation.KeyLength];
        random.Fill(key);
        foreach (AesBlockCipher aes in (AesBlockCipher[])[AesBlockCipher.Create(key), new PlatformAesBlockCipher(key)])
        {
            foreach (int count in (int[])[1, 2, 7, 8, 9, 63, 64, 65, 200])
            {
                byte[] nonces = new byte[count * length];
                random.Fill(nonces);
                byte[] scrambled = new byte[nonces.Length];
                byte[] back = new byte[nonces.Length];
                new FeistelPermutation(length, aes, undo: false).Apply(nonces, scrambled);
                new FeistelPermutation(length, aes, undo: true).Apply(scrambled, back);
                Assert.Equal(nonces, back);
                for (int at = 0; at < nonces.Length; at += length)
                {
                    Assert.Equal(ByTheBook(key, nonces.AsSpan(at, length)), scrambled[at..(at + length)]);
                }
            }

            aes.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void NoncesDoNotRepeatAndAreKnownAgain(int length)
    {
        using NonceMaker maker = new(length);
        using NonceMaker other = new(length);
        using NonceRecogniser own = maker.CreateRecogniser();
        using NonceRecogniser others = other.CreateRecogniser();
        HashSet<string> seen = [];
        byte[] group = new byte[NonceRecogniser.Group * length];
        for (int i = 0; i < 20_000; i++)
        {
            for (int at = 0; at < group.Length; at += length)
            {
                maker.Next(group.AsSpan(at, length));
                Assert.True(seen.Add(Convert.ToHexString(group, at, length)));
            }

            int count = 1 + (i % NonceRecogniser.Group);
            Assert.Equal((1u << count) - 1, own.FindOwn(group.AsSpan(0, count * length)));
            Assert.Equal(0u, others.FindOwn(group));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void OneBitMakesANonceSomebodyElses(int length)
    {
        using NonceMaker maker = new(length);
        using NonceRecogniser own = maker.CreateRecogniser();
        byte[] nonce = new byte[length];
        for (int i = 0; i < 50; i++)
        {
            maker.Next(nonce);
            for (int bit = 0; bit < length * 8; bit++)
            {
                nonce[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.Equal(0u, own.FindOwn(nonce));
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
        using NonceMaker maker = new(length);
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

    [Theory]
    [MemberData(nameof(Lengths))]
    public void NoncesAreKnownAfterTheirMakerHasGone(int length)
    {
        NonceMaker maker = new(length);
        using NonceRecogniser own = maker.CreateRecogniser();
        byte[] nonce = new byte[length];
        maker.Next(nonce);
        maker.Dispose();
        Assert.Equal(1u, own.FindOwn(nonce));
    }

    private static byte[] ByTheBook(byte[] key, ReadOnlySpan<byte> nonce)
    {
        using Aes aes = Aes.Create();
        aes.Key = key;
        int half = nonce.Length / 2;
        byte[] low = nonce[..half].ToArray();
        byte[] high = nonce[half..].ToArray();
        for (byte round = 0; round < 3; round++)
        {
            byte[] block = new byte[16];
            low.CopyTo(block, 0);
            block[8] = round;
            byte[] mixed = aes.EncryptEcb(block, PaddingMode.None);
            (low, high) = ([.. high.Zip(mixed, static (a, b) => (byte)(a ^ b))], low);
        }

        // The book swaps the halves after every round, ours stay where they are: three swaps are one.
        return [.. high, .. low];
    }
}
