using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Causeway.Kcptun.Crypt;

/// <summary>
/// A vector of 32-bit words, one for each Salsa20 block that runs at the same time: lane n holds the word of block n.
/// </summary>
internal interface ISalsaLanes<TVector>
    where TVector : unmanaged
{
    static abstract bool IsSupported { get; }

    /// <summary>How many blocks run together.</summary>
    static abstract int Count { get; }

    /// <summary>Whether the processor has registers for the 16 words of the state and what is computed with them.</summary>
    static abstract bool KeepsStateInRegisters { get; }

    static abstract TVector Broadcast(uint word);

    static abstract TVector Add(TVector left, TVector right);

    /// <summary>The step that Salsa20 is made of: <c>target ^ ((left + right) &lt;&lt;&lt; count)</c>.</summary>
    static abstract TVector Mix(TVector target, TVector left, TVector right, int count);

    /// <summary>
    /// Writes four consecutive words of each block in the order of the output: those of lane n to
    /// <paramref name="blocks"/> + 64 n.
    /// </summary>
    static abstract unsafe void Scatter(TVector a, TVector b, TVector c, TVector d, byte* blocks);
}

/// <summary>One block at a time, without vectors.</summary>
internal readonly struct ScalarSalsaLanes : ISalsaLanes<uint>
{
    public static bool IsSupported => true;

    public static int Count => 1;

    public static bool KeepsStateInRegisters => false;

    public static uint Broadcast(uint word) => word;

    public static uint Add(uint left, uint right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Mix(uint target, uint left, uint right, int count) =>
        target ^ BitOperations.RotateLeft(left + right, count);

    public static unsafe void Scatter(uint a, uint b, uint c, uint d, byte* blocks) =>
        Vector128.Create(a, b, c, d).AsByte().Store(blocks);
}

/// <summary>Four blocks at a time: SSE2, or AdvSimd on Arm.</summary>
internal readonly struct SalsaLanes128 : ISalsaLanes<Vector128<uint>>
{
    public static bool IsSupported => Sse2.IsSupported || AdvSimd.Arm64.IsSupported;

    public static int Count => 4;

    public static bool KeepsStateInRegisters => AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint word) => Vector128.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Mix(Vector128<uint> target, Vector128<uint> left, Vector128<uint> right, int count)
    {
        Vector128<uint> sum = left + right;
        return target ^ ((sum << count) | (sum >>> (32 - count)));
    }

    public static unsafe void Scatter(
        Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d, byte* blocks)
    {
        Vector128<ulong> abLow = ZipLow(a, b);
        Vector128<ulong> abHigh = ZipHigh(a, b);
        Vector128<ulong> cdLow = ZipLow(c, d);
        Vector128<ulong> cdHigh = ZipHigh(c, d);
        Vector128.Create(abLow.GetLower(), cdLow.GetLower()).AsByte().Store(blocks);
        Vector128.Create(abLow.GetUpper(), cdLow.GetUpper()).AsByte().Store(blocks + 64);
        Vector128.Create(abHigh.GetLower(), cdHigh.GetLower()).AsByte().Store(blocks + 128);
        Vector128.Create(abHigh.GetUpper(), cdHigh.GetUpper()).AsByte().Store(blocks + 192);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipLow(Vector128<uint> left, Vector128<uint> right) =>
        (Sse2.IsSupported ? Sse2.UnpackLow(left, right) : AdvSimd.Arm64.ZipLow(left, right)).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipHigh(Vector128<uint> left, Vector128<uint> right) =>
        (Sse2.IsSupported ? Sse2.UnpackHigh(left, right) : AdvSimd.Arm64.ZipHigh(left, right)).AsUInt64();
}

/// <summary>Eight blocks at a time: AVX2.</summary>
internal readonly struct SalsaLanes256 : ISalsaLanes<Vector256<uint>>
{
    public static bool IsSupported => Avx2.IsSupported;

    public static int Count => 8;

    public static bool KeepsStateInRegisters => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint word) => Vector256.Create(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Mix(Vector256<uint> target, Vector256<uint> left, Vector256<uint> right, int count)
    {
        Vector256<uint> sum = left + right;
        return target ^ ((sum << count) | (sum >>> (32 - count)));
    }

    public static unsafe void Scatter(
        Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d, byte* blocks)
    {
        // AVX2 zips within each half: a row holds lane n below and lane n + 4 above.
        Vector256<ulong> abLow = Avx2.UnpackLow(a, b).AsUInt64();
        Vector256<ulong> abHigh = Avx2.UnpackHigh(a, b).AsUInt64();
        Vector256<ulong> cdLow = Avx2.UnpackLow(c, d).AsUInt64();
        Vector256<ulong> cdHigh = Avx2.UnpackHigh(c, d).AsUInt64();
        StoreRow(Avx2.UnpackLow(abLow, cdLow), blocks);
        StoreRow(Avx2.UnpackHigh(abLow, cdLow), blocks + 64);
        StoreRow(Avx2.UnpackLow(abHigh, cdHigh), blocks + 128);
        StoreRow(Avx2.UnpackHigh(abHigh, cdHigh), blocks + 192);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void StoreRow(Vector256<ulong> row, byte* block)
    {
        row.GetLower().AsByte().Store(block);
        row.GetUpper().AsByte().Store(block + 256);
    }
}

/// <summary>Eight blocks at a time with the rotation that AVX-512 lends 256-bit code.</summary>
/// <remarks>
/// Not a branch in <see cref="SalsaLanes256"/>: code compiled ahead of time would ask the processor at each step.
/// </remarks>
internal readonly struct SalsaLanesRotating : ISalsaLanes<Vector256<uint>>
{
    public static bool IsSupported => SalsaLanes256.IsSupported && Avx512F.VL.IsSupported;

    public static int Count => SalsaLanes256.Count;

    public static bool KeepsStateInRegisters => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint word) => SalsaLanes256.Broadcast(word);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => SalsaLanes256.Add(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Mix(Vector256<uint> target, Vector256<uint> left, Vector256<uint> right, int count) =>
        target ^ Rotate(left + right, count);

    public static unsafe void Scatter(
        Vector256<uint> a, Vector256<uint> b, Vector256<uint> c, Vector256<uint> d, byte* blocks) =>
        SalsaLanes256.Scatter(a, b, c, d, blocks);

    // The count must be a literal; Salsa20 has four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rotate(Vector256<uint> value, int count) => count switch
    {
        7 => Avx512F.VL.RotateLeft(value, 7),
        9 => Avx512F.VL.RotateLeft(value, 9),
        13 => Avx512F.VL.RotateLeft(value, 13),
        _ => Avx512F.VL.RotateLeft(value, 18),
    };
}
