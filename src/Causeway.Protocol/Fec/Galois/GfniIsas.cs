using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Causeway.Protocol.Fec;

/// <summary>One VGF2P8AFFINEQB multiplies 32 bytes.</summary>
internal readonly struct Gfni256Isa : IGaloisIsa<Vector256<byte>, Vector256<byte>>
{
    public static string Name => "GFNI-256";

    // AVX2 besides, for the rest of the loop: the flag of the former does not promise the latter.
    public static bool IsSupported => Gfni.V256.IsSupported && Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Factor(byte coefficient) =>
        Vector256.Create(GaloisField.AffineMatrix(coefficient)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Multiply(Vector256<byte> source, Vector256<byte> factor) =>
        Gfni.V256.GaloisFieldAffineTransform(source, factor, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(ref byte start, nuint offset) => Vector256.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Xor(Vector256<byte> left, Vector256<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> And(Vector256<byte> left, Vector256<byte> right) => left & right;
}

/// <summary>One VGF2P8AFFINEQB multiplies 64 bytes.</summary>
internal readonly struct Gfni512Isa : IGaloisIsa<Vector512<byte>, Vector512<byte>>
{
    public static string Name => "GFNI-512";

    public static bool IsSupported => Gfni.V512.IsSupported && Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Factor(byte coefficient) =>
        Vector512.Create(GaloisField.AffineMatrix(coefficient)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Multiply(Vector512<byte> source, Vector512<byte> factor) =>
        Gfni.V512.GaloisFieldAffineTransform(source, factor, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(ref byte start, nuint offset) => Vector512.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Xor(Vector512<byte> left, Vector512<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> And(Vector512<byte> left, Vector512<byte> right) => left & right;
}
