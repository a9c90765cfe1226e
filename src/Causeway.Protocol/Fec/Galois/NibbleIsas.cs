using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Causeway.Protocol.Fec;

/// <summary>Two PSHUFB look up 16 bytes.</summary>
internal readonly struct Ssse3Isa : IGaloisIsa<Vector128<byte>, NibbleFactor<Vector128<byte>>>
{
    public static string Name => "SSSE3";

    public static bool IsSupported => Ssse3.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NibbleFactor<Vector128<byte>> Factor(byte coefficient)
    {
        ref readonly byte products = ref GaloisField.NibbleProductsReference(coefficient);
        return new(Vector128.LoadUnsafe(in products), Vector128.LoadUnsafe(in products, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Multiply(Vector128<byte> source, NibbleFactor<Vector128<byte>> factor)
    {
        Vector128<byte> nibble = Vector128.Create((byte)0x0F);
        return Ssse3.Shuffle(factor.Low, source & nibble)
            ^ Ssse3.Shuffle(factor.High, (source.AsUInt16() >>> 4).AsByte() & nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(ref byte start, nuint offset) => Vector128.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Xor(Vector128<byte> left, Vector128<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> And(Vector128<byte> left, Vector128<byte> right) => left & right;
}

/// <summary>Two TBL look up 16 bytes.</summary>
internal readonly struct AdvSimdIsa : IGaloisIsa<Vector128<byte>, NibbleFactor<Vector128<byte>>>
{
    public static string Name => "AdvSimd";

    public static bool IsSupported => AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NibbleFactor<Vector128<byte>> Factor(byte coefficient)
    {
        ref readonly byte products = ref GaloisField.NibbleProductsReference(coefficient);
        return new(Vector128.LoadUnsafe(in products), Vector128.LoadUnsafe(in products, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Multiply(Vector128<byte> source, NibbleFactor<Vector128<byte>> factor) =>
        AdvSimd.Arm64.VectorTableLookup(factor.Low, source & Vector128.Create((byte)0x0F))
            ^ AdvSimd.Arm64.VectorTableLookup(factor.High, source >>> 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(ref byte start, nuint offset) => Vector128.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Xor(Vector128<byte> left, Vector128<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> And(Vector128<byte> left, Vector128<byte> right) => left & right;
}

/// <summary>Two VPSHUFB look up 32 bytes, the table standing in both lanes.</summary>
internal readonly struct Avx2Isa : IGaloisIsa<Vector256<byte>, NibbleFactor<Vector256<byte>>>
{
    public static string Name => "AVX2";

    public static bool IsSupported => Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NibbleFactor<Vector256<byte>> Factor(byte coefficient)
    {
        NibbleFactor<Vector128<byte>> lane = Ssse3Isa.Factor(coefficient);
        return new(Vector256.Create(lane.Low, lane.Low), Vector256.Create(lane.High, lane.High));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Multiply(Vector256<byte> source, NibbleFactor<Vector256<byte>> factor)
    {
        Vector256<byte> nibble = Vector256.Create((byte)0x0F);
        return Avx2.Shuffle(factor.Low, source & nibble)
            ^ Avx2.Shuffle(factor.High, (source.AsUInt16() >>> 4).AsByte() & nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load(ref byte start, nuint offset) => Vector256.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Xor(Vector256<byte> left, Vector256<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> And(Vector256<byte> left, Vector256<byte> right) => left & right;
}

/// <summary>Two VPSHUFB look up 64 bytes, the table standing in all four lanes.</summary>
internal readonly struct Avx512Isa : IGaloisIsa<Vector512<byte>, NibbleFactor<Vector512<byte>>>
{
    public static string Name => "AVX-512BW";

    public static bool IsSupported => Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static NibbleFactor<Vector512<byte>> Factor(byte coefficient)
    {
        NibbleFactor<Vector256<byte>> half = Avx2Isa.Factor(coefficient);
        return new(Vector512.Create(half.Low, half.Low), Vector512.Create(half.High, half.High));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Multiply(Vector512<byte> source, NibbleFactor<Vector512<byte>> factor)
    {
        Vector512<byte> nibble = Vector512.Create((byte)0x0F);
        return Avx512BW.Shuffle(factor.Low, source & nibble)
            ^ Avx512BW.Shuffle(factor.High, (source.AsUInt16() >>> 4).AsByte() & nibble);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Load(ref byte start, nuint offset) => Vector512.LoadUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<byte> vector, ref byte start, nuint offset) => vector.StoreUnsafe(ref start, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Xor(Vector512<byte> left, Vector512<byte> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> And(Vector512<byte> left, Vector512<byte> right) => left & right;
}
