using Causeway.Kcptun.Crypt;
using Causeway.Protocol;
using Causeway.Protocol.Crypto;
using Causeway.Protocol.Tests.Crypto;
using Org.BouncyCastle.Crypto.Engines;
using Org.BouncyCastle.Crypto.Parameters;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>The fast ways of a cipher against the plain one, over batches of every shape.</summary>
public sealed class CipherPathTests
{
    private const int Seed = 20260103;
    private const int MaxLength = 1500;

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    public void AesPathsAgreeWithBouncyCastle(int keyLength)
    {
        Random random = new(Seed + keyLength);
        byte[] key = Bytes(random, keyLength);
        using PacketCipher reference = CipherPaths.AesReference(key);
        foreach ((string path, PacketCipher cipher) in CipherPaths.Aes(key))
        {
            using (cipher)
            {
                AssertAgree(path, cipher, random, MaxLength, payloads => EncryptAll(reference, payloads));
            }
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    public void EmulatedInstructionsOfBothFamiliesAgreeWithBouncyCastle(int keyLength)
    {
        Random random = new(Seed + keyLength);
        byte[] key = Bytes(random, keyLength);
        using PacketCipher reference = CipherPaths.AesReference(key);
        foreach ((string path, PacketCipher cipher) in CipherPaths.EmulatedAes(key))
        {
            using (cipher)
            {
                AssertAgree(path, cipher, random, maxLength: 60, payloads => EncryptAll(reference, payloads));
            }
        }
    }

    [Fact]
    public void SalsaPathsAgreeWithBouncyCastle()
    {
        Random random = new(Seed);
        byte[] key = Bytes(random, 32);
        foreach ((string path, PacketCipher cipher) in CipherPaths.Salsa(key))
        {
            using (cipher)
            {
                AssertAgree(
                    path,
                    cipher,
                    random,
                    MaxLength,
                    payloads => [.. payloads.Select(payload => SalsaReference(key, payload))]);
            }
        }
    }

    [Theory]
    [InlineData("2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6")]
    [InlineData("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "e98ba06f448c773c8ecc720401002202")]
    [InlineData(
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "fe4890d1e6188d0b046df344706c631e")]
    public void RoundKeysEndAsInTheStandard(string keyHex, string lastRoundKeyHex)
    {
        byte[] key = Convert.FromHexString(keyHex);
        byte[] last = Convert.FromHexString(lastRoundKeyHex);
        Assert.Equal(last, new AesKeySchedule<SoftwareX86Aes>(key).Bytes[^16..]);
        Assert.Equal(last, new AesKeySchedule<SoftwareArmAes>(key).Bytes[^16..]);
        if (X86AesInstructions.IsSupported)
        {
            Assert.Equal(last, new AesKeySchedule<X86AesInstructions>(key).Bytes[^16..]);
        }

        if (ArmAesInstructions.IsSupported)
        {
            Assert.Equal(last, new AesKeySchedule<ArmAesInstructions>(key).Bytes[^16..]);
        }
    }

    [Fact]
    public void TripleDesIsBouncyCastles()
    {
        Random random = new(Seed);
        for (int i = 0; i < 20; i++)
        {
            byte[] key = Bytes(random, 24);
            byte[] block = Bytes(random, 8);
            byte[] expected = (byte[])block.Clone();
            using BouncyCastleBlockCipher reference = new(new DesEdeEngine(), key);
            reference.EncryptBlock(expected);
            using TripleDesBlockCipher cipher = new(key);
            cipher.EncryptBlock(block);
            Assert.Equal(expected, block);
        }
    }

    [Fact]
    public void RoundKeysAndTablesAreZeroedWhenDisposed()
    {
        byte[] key = Bytes(new Random(Seed), 32);
        AesKeySchedule<SoftwareX86Aes> schedule = new(key);
        schedule.Zero();
        Assert.Equal(-1, schedule.Bytes.IndexOfAnyExcept((byte)0));
        XorCipher cipher = new(key);
        cipher.Dispose();
        Assert.Equal(-1, cipher.Table.IndexOfAnyExcept((byte)0));
    }

    // Shapes that empty and refill lanes in every order: equal lengths, all lengths at once, and random ones.
    private static void AssertAgree(
        string path, PacketCipher cipher, Random random, int maxLength, Func<byte[][], byte[][]> encrypt)
    {
        int some = Math.Min(maxLength, 300);
        List<int[]> shapes = [[.. Enumerable.Range(0, some)], [.. Enumerable.Range(0, 40).Reverse()]];
        foreach (int count in (int[])[1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 20])
        {
            shapes.Add([.. Enumerable.Repeat(some / 16 * 16, count)]);
            shapes.Add([.. Enumerable.Repeat(some - count, count)]);
            shapes.Add([.. Enumerable.Range(0, count).Select(_ => random.Next(0, maxLength + 1))]);
        }

        foreach (int[] shape in shapes)
        {
            byte[][] payloads = [.. shape.Select(length => Bytes(random, length))];
            byte[][] expected = encrypt(payloads);
            string what = $"{path}, seed {Seed}, lengths {string.Join(' ', shape)}";
            using PacketBatch batch = new(track: false, payloads);
            cipher.Encrypt(batch.Buffers);
            Assert.True(SameBytes(expected, batch.Buffers), $"encrypt by {what}");
            cipher.Decrypt(batch.Buffers);
            Assert.True(SameBytes(payloads, batch.Buffers), $"decrypt by {what}");
        }
    }

    private static bool SameBytes(byte[][] expected, PacketBuffer[] actual) =>
        expected.Zip(actual).All(static pair => pair.Second.Payload.SequenceEqual(pair.First));

    private static byte[][] EncryptAll(PacketCipher cipher, byte[][] payloads)
    {
        using PacketBatch batch = new(track: false, payloads);
        cipher.Encrypt(batch.Buffers);
        return batch.Payloads;
    }

    private static byte[] SalsaReference(byte[] key, byte[] packet)
    {
        byte[] result = (byte[])packet.Clone();
        if (packet.Length > 8)
        {
            Salsa20Engine engine = new();
            engine.Init(true, new ParametersWithIV(new KeyParameter(key), packet[..8]));
            engine.ProcessBytes(packet, 8, packet.Length - 8, result, 8);
        }

        return result;
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
