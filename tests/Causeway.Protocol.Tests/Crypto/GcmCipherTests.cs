using System.Runtime.ExceptionServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Causeway.Protocol.Crypto;
using Causeway.TestKit;

namespace Causeway.Protocol.Tests.Crypto;

/// <summary>GCM by every way that there is, against what is published and against .NET's.</summary>
public sealed class GcmCipherTests
{
    private const int Seed = 20260207;
    private const int MaxDatagram = 65507;

    private const string Zeros128 = "00000000000000000000000000000000";
    private const string Zeros96 = "000000000000000000000000";
    private const string Key128 = "feffe9928665731c6d6a8f9467308308";
    private const string Nonce = "cafebabefacedbaddecaf888";
    private const string Associated = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    private const string Plain =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";

    private const string Cipher128 =
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        + "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985";

    private const string Cipher256 =
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";

    // McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B: test cases 1 to 4 and 13 to 16.
    private static readonly
        (string Key, string Nonce, string Plain, string Associated, string Cipher, string Tag)[] s_published =
    [
        (Zeros128, Zeros96, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
        (Zeros128, Zeros96, Zeros128, "", "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"),
        (Key128, Nonce, Plain, "", Cipher128, "4d5c2af327cd64a62cf35abd2ba6fab4"),
        (Key128, Nonce, Plain[..120], Associated, Cipher128[..120], "5bc94fbc3221a5db94fae95ae7121a47"),
        (Zeros128 + Zeros128, Zeros96, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (Zeros128 + Zeros128, Zeros96, Zeros128, "", "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919"),
        (Key128 + Key128, Nonce, Plain, "", Cipher256, "b094dac5d93471bdec1a502270e3cc6c"),
        (Key128 + Key128, Nonce, Plain[..120], Associated, Cipher256[..120], "76fc6ece0f4e1768cddf8853bb2d551b"),
    ];

    public static TheoryData<string> Paths => [.. GcmPaths.Names];

    public static TheoryData<string, int> PathsAndKeyLengths
    {
        get
        {
            TheoryData<string, int> rows = [];
            foreach (string path in GcmPaths.Names)
            {
                rows.Add(path, 16);
                rows.Add(path, 32);
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void PublishedVectorsHold(string path)
    {
        foreach (var published in s_published)
        {
            using GcmCipher cipher = GcmPaths.Create(path, Convert.FromHexString(published.Key));
            byte[] nonce = Convert.FromHexString(published.Nonce);
            byte[] associated = Convert.FromHexString(published.Associated);
            byte[] text = Convert.FromHexString(published.Plain);
            byte[] tag = new byte[GcmCipher.TagLength];
            cipher.Seal(nonce, associated, text, tag);
            Assert.Equal(published.Cipher, Convert.ToHexStringLower(text));
            Assert.Equal(published.Tag, Convert.ToHexStringLower(tag));
            Assert.True(cipher.TryOpen(nonce, associated, text, tag));
            Assert.Equal(published.Plain, Convert.ToHexStringLower(text));
        }
    }

    [Theory]
    [MemberData(nameof(PathsAndKeyLengths))]
    public void EveryLengthIsAsThePlatformSealsIt(string path, int keyLength)
    {
        Random random = new(Seed + keyLength);
        byte[] key = Bytes(random, keyLength);
        using GcmCipher cipher = GcmPaths.Create(path, key);
        using AesGcm reference = new(key, GcmCipher.TagLength);
        foreach (int length in GcmPaths.IsEmulated(path) ? Enumerable.Range(0, 290) : Enumerable.Range(0, 601))
        {
            AssertAgree(path, cipher, reference, random, length, associatedLength: length % 41);
        }
    }

    [Theory]
    [MemberData(nameof(PathsAndKeyLengths))]
    public void EveryLengthOfAssociatedDataIsAsThePlatformSealsIt(string path, int keyLength)
    {
        Random random = new(Seed + keyLength);
        byte[] key = Bytes(random, keyLength);
        using GcmCipher cipher = GcmPaths.Create(path, key);
        using AesGcm reference = new(key, GcmCipher.TagLength);
        foreach (int associatedLength in (int[])[.. Enumerable.Range(0, 41), 127, 128, 129, 143, 144, 145, 300])
        {
            AssertAgree(path, cipher, reference, random, length: random.Next(0, 300), associatedLength);
        }
    }

    /// <remarks>A counter of one byte wraps after 4 KB; the largest datagram of UDP makes it 4096.</remarks>
    [Theory]
    [InlineData(4096 - 32)]
    [InlineData(4096)]
    [InlineData(4096 + 1)]
    [InlineData(32768 + 77)]
    [InlineData(MaxDatagram - 1)]
    [InlineData(MaxDatagram)]
    public void LongTextsAreAsThePlatformSealsThem(int length)
    {
        Random random = new(Seed + length);
        foreach (string path in GcmPaths.Names.Where(path => !GcmPaths.IsEmulated(path) || length < 5000))
        {
            byte[] key = Bytes(random, 16);
            using GcmCipher cipher = GcmPaths.Create(path, key);
            using AesGcm reference = new(key, GcmCipher.TagLength);
            AssertAgree(path, cipher, reference, random, length, associatedLength: 13);
        }
    }

    [Theory]
    [MemberData(nameof(PathsAndKeyLengths))]
    public void AnyBitThatIsChangedIsRefusedAndLeavesNothingToRead(string path, int keyLength)
    {
        Random random = new(Seed);
        using GcmCipher cipher = GcmPaths.Create(path, Bytes(random, keyLength));
        foreach (int length in (int[])[21, 150])
        {
            byte[] plain = Bytes(random, length);
            byte[][] parts = [Bytes(random, 12), Bytes(random, 5), (byte[])plain.Clone(), new byte[16]];
            cipher.Seal(parts[0], parts[1], parts[2], parts[3]);
            foreach (int part in Enumerable.Range(0, parts.Length))
            {
                for (int bit = 0; bit < parts[part].Length * 8; bit++)
                {
                    byte[][] forged = [.. parts.Select(static bytes => (byte[])bytes.Clone())];
                    forged[part][bit / 8] ^= (byte)(1 << (bit % 8));
                    bool opened = cipher.TryOpen(forged[0], forged[1], forged[2], forged[3]);
                    Assert.False(opened, $"part {part}, bit {bit}, {length} bytes of text");
                    Assert.Equal(-1, forged[2].AsSpan().IndexOfAnyExcept((byte)0));
                }
            }

            Assert.True(cipher.TryOpen(parts[0], parts[1], parts[2], parts[3]));
            Assert.Equal(plain, parts[2]);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void NothingIsWrittenBesideATextOfAnyAlignment(string path)
    {
        const int Margin = 20;
        Random random = new(Seed);
        using GcmCipher cipher = GcmPaths.Create(path, Bytes(random, 16));
        byte[] nonce = Bytes(random, GcmCipher.NonceLength);
        byte[] tag = new byte[GcmCipher.TagLength];
        byte[] otherTag = new byte[GcmCipher.TagLength];
        for (int offset = 0; offset < 16; offset++)
        {
            foreach (int length in (int[])[0, 1, 15, 16, 17, 100, 127, 128, 129, 257])
            {
                byte[] around = Bytes(random, Margin + offset + length + Margin);
                byte[] before = (byte[])around.Clone();
                byte[] alone = around[(Margin + offset)..^Margin];
                Span<byte> text = around.AsSpan()[(Margin + offset)..^Margin];
                cipher.Seal(nonce, default, alone, tag);
                cipher.Seal(nonce, default, text, otherTag);
                Assert.Equal(tag, otherTag);
                Assert.True(text.SequenceEqual(alone));
                text.CopyTo(alone);
                Assert.True(cipher.TryOpen(nonce, default, text, tag));
                Assert.Equal(before, around);
                tag[offset] ^= 1;
                Assert.False(cipher.TryOpen(nonce, default, text, tag));
                Assert.Equal(before[..(Margin + offset)], around[..(Margin + offset)]);
                Assert.Equal(before[^Margin..], around[^Margin..]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void ForgeriesNeitherThrowNorKeepTheGenuineFromOpening(string path)
    {
        Random random = new(Seed);
        using GcmCipher cipher = GcmPaths.Create(path, Bytes(random, 16));
        byte[] nonce = Bytes(random, GcmCipher.NonceLength);
        byte[] genuine = Bytes(random, 200);
        byte[] plain = (byte[])genuine.Clone();
        byte[] tag = new byte[GcmCipher.TagLength];
        cipher.Seal(nonce, default, genuine, tag);
        byte[] wrongTag = Bytes(random, GcmCipher.TagLength);
        byte[] text = new byte[genuine.Length];
        int thrown = 0;
        int thread = Environment.CurrentManagedThreadId;
        void Count(object? sender, FirstChanceExceptionEventArgs args) =>
            thrown += Environment.CurrentManagedThreadId == thread ? 1 : 0;

        AppDomain.CurrentDomain.FirstChanceException += Count;
        try
        {
            for (int i = 0; i < 100; i++)
            {
                genuine.CopyTo(text, 0);
                bool forged = i % 10 != 9;
                Assert.Equal(!forged, cipher.TryOpen(nonce, default, text, forged ? wrongTag : tag));
                Assert.True(forged ? !text.AsSpan().ContainsAnyExcept((byte)0) : text.AsSpan().SequenceEqual(plain));
            }
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Count;
        }

        // The platform's throws once, before it is warned, and again only when 256 have opened since.
        Assert.InRange(thrown, 0, cipher is PlatformGcmCipher ? 1 : 0);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void NothingIsAllocated(string path)
    {
        using GcmCipher cipher = GcmPaths.Create(path, new byte[16]);
        byte[] nonce = new byte[GcmCipher.NonceLength];
        byte[] tag = new byte[GcmCipher.TagLength];
        byte[] text = new byte[500];
        Assert.Equal(0, Allocation.Least(passes: 10, () =>
        {
            cipher.Seal(nonce, nonce, text, tag);
            cipher.TryOpen(nonce, nonce, text, tag);
        }));
    }

    /// <remarks>The GHASH of test case 2 of the same publication, with its H.</remarks>
    [Fact]
    public void GhashIsThePublishedOne()
    {
        byte[] subkey = Convert.FromHexString("66e94bd4ef8a2c3b884cfa59ca342b2e");
        byte[] blocks = Convert.FromHexString("0388dace60b6a392f328c2b971b2fe78" + "00000000000000000000000000000080");
        byte[] expected = Convert.FromHexString("f38cbb1ad69223dcc3457ae5b6b0f885");
        Assert.Equal(expected, Ghash(new GhashKey<SoftwareCarryless>(Vector128.Create(subkey)), blocks, atOnce: 1));
        Assert.Equal(expected, Ghash(new GhashKey<SoftwareCarryless>(Vector128.Create(subkey)), blocks, atOnce: 2));
    }

    [Fact]
    public void BlocksHashedTogetherAreWhatTheyAreOneByOne()
    {
        Random random = new(Seed);
        for (int count = 1; count <= 2 * GhashKey<SoftwareCarryless>.MaxBlocks; count++)
        {
            Vector128<byte> subkey = Vector128.Create(Bytes(random, 16));
            byte[] blocks = Bytes(random, 16 * 40);
            byte[] expected = Ghash(new GhashKey<SoftwareCarryless>(subkey), blocks, atOnce: 1);
            Assert.Equal(expected, Ghash(new GhashKey<SoftwareCarryless>(subkey), blocks, count));
            if (X86CarrylessInstructions.IsSupported)
            {
                Assert.Equal(expected, Ghash(new GhashKey<X86CarrylessInstructions>(subkey), blocks, count));
            }
        }
    }

    [Fact]
    public void PowersAreZeroedWhenDisposed()
    {
        GhashKey<SoftwareCarryless> key = new(Vector128.Create((byte)7));
        Assert.NotEqual(-1, key.Bytes.IndexOfAnyExcept((byte)0));
        key.Zero();
        Assert.Equal(-1, key.Bytes.IndexOfAnyExcept((byte)0));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void ADisposedCipherRefuses(string path)
    {
        GcmCipher cipher = GcmPaths.Create(path, new byte[16]);
        cipher.Dispose();
        cipher.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cipher.Seal(new byte[12], default, new byte[20], new byte[16]));
        Assert.Throws<ObjectDisposedException>(() => cipher.TryOpen(new byte[12], default, new byte[20], new byte[16]));
    }

    private static void AssertAgree(
        string path, GcmCipher cipher, AesGcm reference, Random random, int length, int associatedLength)
    {
        byte[] nonce = Bytes(random, GcmCipher.NonceLength);
        byte[] associated = Bytes(random, associatedLength);
        byte[] plain = Bytes(random, length);
        byte[] expected = new byte[length];
        byte[] expectedTag = new byte[GcmCipher.TagLength];
        reference.Encrypt(nonce, plain, expected, expectedTag, associated);

        string what = $"{path}, seed {Seed}, {length} bytes, {associatedLength} associated";
        byte[] text = (byte[])plain.Clone();
        byte[] tag = new byte[GcmCipher.TagLength];
        cipher.Seal(nonce, associated, text, tag);
        Assert.True(text.AsSpan().SequenceEqual(expected), $"text by {what}");
        Assert.True(tag.AsSpan().SequenceEqual(expectedTag), $"tag by {what}");
        Assert.True(cipher.TryOpen(nonce, associated, text, tag), $"open by {what}");
        Assert.True(text.AsSpan().SequenceEqual(plain), $"opened by {what}");
    }

    private static byte[] Ghash<TCarryless>(GhashKey<TCarryless> key, ReadOnlySpan<byte> blocks, int atOnce)
        where TCarryless : struct, ICarrylessInstructions
    {
        Vector128<ulong> hash = Vector128<ulong>.Zero;
        while (blocks.Length > 0)
        {
            int length = Math.Min(blocks.Length, atOnce * 16);
            hash = key.Hash(hash, blocks[..length]);
            blocks = blocks[length..];
        }

        byte[] result = new byte[16];
        GhashKey<TCarryless>.ReverseBytes(hash.AsByte()).CopyTo(result);
        return result;
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
