using System.Security.Cryptography;
using Causeway.Protocol.Crypto;

namespace Causeway.Protocol.Tests.Crypto;

/// <summary>The forward cipher by every way that there is, against what is published and against .NET's.</summary>
public sealed class AesBlockCipherTests
{
    private const int Seed = 20261129;
    private const string Ascending = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    // FIPS 197, appendix C.1 to C.3.
    private static readonly (int KeyLength, string Cipher)[] s_published =
    [
        (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        (32, "8ea2b7ca516745bfeafc49904b496089"),
    ];

    public static TheoryData<string> Paths
    {
        get
        {
            TheoryData<string> rows = ["default", "platform", "x86 emulated", "Arm emulated"];
            if (X86AesInstructions.IsSupported)
            {
                rows.Add("x86");
            }

            if (ArmAesInstructions.IsSupported)
            {
                rows.Add("Arm");
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void PublishedVectorsHold(string path)
    {
        foreach ((int keyLength, string expected) in s_published)
        {
            using AesBlockCipher cipher = Create(path, Convert.FromHexString(Ascending)[..keyLength]);
            byte[] block = Convert.FromHexString("00112233445566778899aabbccddeeff");
            cipher.Encrypt(block);
            Assert.Equal(expected, Convert.ToHexStringLower(block));
        }
    }

    /// <remarks>RFC 9001, appendix A.2 and A.3: a sample, and the first five bytes of its mask.</remarks>
    [Theory]
    [MemberData(nameof(Paths))]
    public void HeaderProtectionMasksOfQuicAreThePublishedOnes(string path)
    {
        (string Key, string Sample, string Mask)[] published =
        [
            ("9f50449e04a0e810283a1e9933adedd2", "d1b1c98dd7689fb8ec11d242b123dc9b", "437b9aec36"),
            ("c206b8d9b9f0f37644430b490eeaa314", "2cd0991cd25b0aac406a5816b6394100", "2ec0d8356a"),
        ];
        foreach ((string key, string sample, string mask) in published)
        {
            using AesBlockCipher cipher = Create(path, Convert.FromHexString(key));
            byte[] block = Convert.FromHexString(sample);
            cipher.Encrypt(block);
            Assert.Equal(mask, Convert.ToHexStringLower(block.AsSpan(0, 5)));
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void EveryNumberOfBlocksIsAsThePlatformEncryptsIt(string path)
    {
        Random random = new(Seed);
        foreach (int keyLength in (int[])[16, 24, 32])
        {
            byte[] key = new byte[keyLength];
            random.NextBytes(key);
            using Aes reference = Aes.Create();
            reference.SetKey(key);
            using AesBlockCipher cipher = Create(path, key);
            for (int count = 0; count <= 20; count++)
            {
                byte[] blocks = new byte[count * AesBlockCipher.BlockSize];
                random.NextBytes(blocks);
                byte[] expected = reference.EncryptEcb(blocks, PaddingMode.None);
                cipher.Encrypt(blocks);
                Assert.True(expected.AsSpan().SequenceEqual(blocks), $"{count} blocks by {path}, seed {Seed}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void ADisposedCipherRefuses(string path)
    {
        AesBlockCipher cipher = Create(path, new byte[16]);
        cipher.Dispose();
        cipher.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.Encrypt(new byte[16]));
    }

    private static AesBlockCipher Create(string path, byte[] key) => path switch
    {
        "default" => AesBlockCipher.Create(key),
        "platform" => new PlatformAesBlockCipher(key),
        "x86" => new InterleavedAesBlockCipher<X86AesInstructions>(key),
        "Arm" => new InterleavedAesBlockCipher<ArmAesInstructions>(key),
        "x86 emulated" => new InterleavedAesBlockCipher<SoftwareX86Aes>(key),
        "Arm emulated" => new InterleavedAesBlockCipher<SoftwareArmAes>(key),
        _ => throw new ArgumentOutOfRangeException(nameof(path), path, "not a way to run AES"),
    };
}
