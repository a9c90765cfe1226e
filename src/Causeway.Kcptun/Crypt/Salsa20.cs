using System.Runtime.Intrinsics;

namespace Causeway.Kcptun.Crypt;

/// <summary>The crypt <c>salsa20</c>, as many blocks at a time as the processor has vectors for.</summary>
internal static class Salsa20
{
    public static PacketCipher Create(ReadOnlySpan<byte> key)
    {
        if (SalsaLanesRotating.IsSupported)
        {
            return new Salsa20Cipher<SalsaLanesRotating, Vector256<uint>>(key);
        }

        if (SalsaLanes256.IsSupported)
        {
            return new Salsa20Cipher<SalsaLanes256, Vector256<uint>>(key);
        }

        return SalsaLanes128.IsSupported
            ? new Salsa20Cipher<SalsaLanes128, Vector128<uint>>(key)
            : new Salsa20Cipher<ScalarSalsaLanes, uint>(key);
    }
}
