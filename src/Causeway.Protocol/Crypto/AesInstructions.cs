using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// The AES round of a processor (FIPS 197 section 5.1), in a form that suits both families. With R rounds and keys
/// 0..R, a block is <c>Last(Round(... Round(First(block, key 0), k) ..., k), key R-1, key R)</c>, where the R - 1
/// calls of <c>Round</c> take keys <c>1 - KeyLag</c> to <c>R - 1 - KeyLag</c>.
/// </summary>
internal interface IAesInstructions
{
    /// <summary>Whether this processor has them.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>
    /// 0 where a round adds its key at its end (x86), 1 where it adds the one before at its beginning (Arm).
    /// </summary>
    static abstract int KeyLag { get; }

    static abstract Vector128<byte> First(Vector128<byte> block, Vector128<byte> key);

    static abstract Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key);

    static abstract Vector128<byte> Last(Vector128<byte> block, Vector128<byte> keyBefore, Vector128<byte> key);

    /// <summary>SubBytes and ShiftRows alone.</summary>
    static abstract Vector128<byte> SubstituteAndShift(Vector128<byte> block);
}

/// <summary>AES-NI: AESENC is ShiftRows, SubBytes, MixColumns, AddRoundKey.</summary>
internal readonly struct X86AesInstructions : IAesInstructions
{
    public static bool IsSupported => X86Aes.IsSupported;

    public static int KeyLag => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> First(Vector128<byte> block, Vector128<byte> key) => block ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) => X86Aes.Encrypt(block, key);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Last(Vector128<byte> block, Vector128<byte> keyBefore, Vector128<byte> key) =>
        X86Aes.EncryptLast(block, key);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SubstituteAndShift(Vector128<byte> block) =>
        X86Aes.EncryptLast(block, Vector128<byte>.Zero);
}

/// <summary>Armv8 Cryptography Extension: AESE is AddRoundKey, SubBytes, ShiftRows; AESMC is MixColumns.</summary>
internal readonly struct ArmAesInstructions : IAesInstructions
{
    public static bool IsSupported => ArmAes.IsSupported;

    public static int KeyLag => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> First(Vector128<byte> block, Vector128<byte> key) => block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> block, Vector128<byte> key) =>
        ArmAes.MixColumns(ArmAes.Encrypt(block, key));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Last(Vector128<byte> block, Vector128<byte> keyBefore, Vector128<byte> key) =>
        ArmAes.Encrypt(block, keyBefore) ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SubstituteAndShift(Vector128<byte> block) =>
        ArmAes.Encrypt(block, Vector128<byte>.Zero);
}
