using Causeway.Quic.Protection;

namespace Causeway.Quic.Tests.Protection;

/// <summary>The encryption of connection ids that name their server (draft-ietf-quic-load-balancers, 5.4).</summary>
public sealed class ConnectionIdCipherTests
{
    [Fact]
    public void TheWorkedExampleOfTheDraftComesOut()
    {
        // 5.4.2.4: server id 31441a, nonce 9c69c275.
        using ConnectionIdCipher cipher = new(Convert.FromHexString("fdf726a9893ec05c0632d3956680baf0"), length: 7);
        byte[] block = Convert.FromHexString("31441a9c69c275");
        cipher.Encrypt(block);
        Assert.Equal("67947d29be054a", Convert.ToHexStringLower(block));
        cipher.Decrypt(block);
        Assert.Equal("31441a9c69c275", Convert.ToHexStringLower(block));
    }

    [Fact]
    public void EveryLengthIsDecryptedToWhatItWas()
    {
        Random random = new(1);
        byte[] key = new byte[ConnectionIdCipher.KeyLength];
        for (int length = 2; length <= ConnectionIdCipher.MaxLength; length++)
        {
            random.NextBytes(key);
            using ConnectionIdCipher cipher = new(key, length);
            for (int i = 0; i < 200; i++)
            {
                byte[] block = new byte[length];
                random.NextBytes(block);
                byte[] before = [.. block];
                cipher.Encrypt(block);
                string encrypted = Convert.ToHexString(block);
                cipher.Decrypt(block);
                Assert.True(before.AsSpan().SequenceEqual(block), $"length {length}: {Convert.ToHexString(before)} by way of {encrypted}");
            }
        }
    }

    [Fact]
    public void EachBitOfTheBlockChangesAboutHalfOfAll()
    {
        Random random = new(2);
        byte[] key = new byte[ConnectionIdCipher.KeyLength];
        random.NextBytes(key);
        foreach (int length in new[] { 7, 8, 15, 16, 19 })
        {
            using ConnectionIdCipher cipher = new(key, length);
            for (int bit = 0; bit < 8 * length; bit++)
            {
                int changed = 0;
                for (int i = 0; i < 100; i++)
                {
                    byte[] one = new byte[length];
                    random.NextBytes(one);
                    byte[] other = [.. one];
                    other[bit / 8] ^= (byte)(1 << (bit % 8));
                    cipher.Encrypt(one);
                    cipher.Encrypt(other);
                    for (int at = 0; at < length; at++)
                    {
                        changed += byte.PopCount((byte)(one[at] ^ other[at]));
                    }
                }

                double share = changed / (800.0 * length);
                Assert.True(share is > 0.45 and < 0.55, $"length {length}, bit {bit}: {share:F3} of the bits changed");
            }
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(8)]
    public void AfterTheEndTheKeyIsGone(int length)
    {
        ConnectionIdCipher cipher = new(Convert.FromHexString("fdf726a9893ec05c0632d3956680baf0"), length);
        cipher.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.Encrypt(new byte[length]));
        Assert.Throws<ObjectDisposedException>(() => cipher.Decrypt(new byte[length]));
    }

    [Theory]
    [InlineData(15, 8)]
    [InlineData(32, 8)]
    [InlineData(16, 1)]
    [InlineData(16, 20)]
    public void LengthsHaveLimits(int key, int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConnectionIdCipher(new byte[key], length));
}
