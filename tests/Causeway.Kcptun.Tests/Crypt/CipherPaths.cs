using System.Runtime.Intrinsics;
using Causeway.Kcptun.Crypt;
using Causeway.Protocol.Crypto;
using Causeway.Protocol.Tests.Crypto;
using Org.BouncyCastle.Crypto.Engines;

namespace Causeway.Kcptun.Tests.Crypt;

/// <summary>Every way that this processor can run each cipher, and a plain one to hold the fast ones against.</summary>
internal static class CipherPaths
{
    private static readonly string[] s_aes = ["aes", "aes-128", "aes-192"];
    private static readonly string[] s_blockCiphers = ["blowfish", "twofish", "cast5", "3des", "tea", "xtea", "sm4"];

    public static IEnumerable<(string Crypt, string Path, PacketCipher Cipher)> All(Func<string, byte[]> key)
    {
        foreach (string name in s_aes)
        {
            foreach ((string path, PacketCipher cipher) in Aes(key(name)))
            {
                yield return (name, path, cipher);
            }

            yield return (name, "BouncyCastle", AesReference(key(name)));
        }

        foreach ((string path, PacketCipher cipher) in Salsa(key("salsa20")))
        {
            yield return ("salsa20", path, cipher);
        }

        yield return ("xor", "only", new XorCipher(key("xor")));
        foreach (string name in s_blockCiphers)
        {
            yield return (name, "only", new CfbCipher(Block(name, key(name))));
        }
    }

    public static IEnumerable<(string Path, PacketCipher Cipher)> Aes(byte[] key)
    {
        yield return ("default", AesCfb.Create(key));
        yield return ("portable", new AesCfbPortableCipher(key));
        if (X86AesInstructions.IsSupported)
        {
            yield return ("x86", new AesCfbInterleavedCipher<X86AesInstructions>(key));
        }

        if (ArmAesInstructions.IsSupported)
        {
            yield return ("Arm", new AesCfbInterleavedCipher<ArmAesInstructions>(key));
        }
    }

    /// <summary>
    /// The interleaved cipher over what either family's instructions do: slow, but on every processor.
    /// </summary>
    public static IEnumerable<(string Path, PacketCipher Cipher)> EmulatedAes(byte[] key)
    {
        yield return ("x86 emulated", new AesCfbInterleavedCipher<SoftwareX86Aes>(key));
        yield return ("Arm emulated", new AesCfbInterleavedCipher<SoftwareArmAes>(key));
    }

    public static PacketCipher AesReference(byte[] key) =>
        new CfbCipher(new BouncyCastleBlockCipher(new AesEngine(), key));

    public static IEnumerable<(string Path, PacketCipher Cipher)> Salsa(byte[] key)
    {
        yield return ("default", Salsa20.Create(key));
        yield return ("scalar", new Salsa20Cipher<ScalarSalsaLanes, uint>(key));
        if (SalsaLanes128.IsSupported)
        {
            yield return ("128", new Salsa20Cipher<SalsaLanes128, Vector128<uint>>(key));
        }

        if (SalsaLanesRotating.IsSupported)
        {
            yield return ("rotating", new Salsa20Cipher<SalsaLanesRotating, Vector256<uint>>(key));
        }

        if (SalsaLanes256.IsSupported)
        {
            yield return ("256", new Salsa20Cipher<SalsaLanes256, Vector256<uint>>(key));
        }
    }

    private static BlockCipher Block(string name, byte[] key) => name switch
    {
        "blowfish" => new BouncyCastleBlockCipher(new BlowfishEngine(), key),
        "twofish" => new BouncyCastleBlockCipher(new TwofishEngine(), key),
        "cast5" => new BouncyCastleBlockCipher(new Cast5Engine(), key),
        "sm4" => new BouncyCastleBlockCipher(new SM4Engine(), key),
        "3des" => new TripleDesBlockCipher(key),
        "tea" => new TeaBlockCipher(key),
        "xtea" => new XteaBlockCipher(key),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "not a block cipher"),
    };
}
