using Causeway.Protocol.Crypto;

namespace Causeway.Kcptun.Crypt;

/// <summary>AES in the CFB mode of kcptun, by the fastest way that the processor has.</summary>
internal static class AesCfb
{
    public static PacketCipher Create(ReadOnlySpan<byte> key)
    {
        if (X86AesInstructions.IsSupported)
        {
            return new AesCfbInterleavedCipher<X86AesInstructions>(key);
        }

        return ArmAesInstructions.IsSupported
            ? new AesCfbInterleavedCipher<ArmAesInstructions>(key)
            : new AesCfbPortableCipher(key);
    }
}
