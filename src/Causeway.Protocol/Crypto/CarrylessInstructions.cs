using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Causeway.Protocol.Crypto;

/// <summary>
/// The product of two polynomials over GF(2), 64 bits by 64 to 127, of either half of each operand.
/// </summary>
internal interface ICarrylessInstructions
{
    /// <summary>Whether this processor has them.</summary>
    static abstract bool IsSupported { get; }

    static abstract Vector128<ulong> LowByLow(Vector128<ulong> left, Vector128<ulong> right);

    static abstract Vector128<ulong> LowByHigh(Vector128<ulong> left, Vector128<ulong> right);

    static abstract Vector128<ulong> HighByLow(Vector128<ulong> left, Vector128<ulong> right);

    static abstract Vector128<ulong> HighByHigh(Vector128<ulong> left, Vector128<ulong> right);
}

/// <summary>PCLMULQDQ: bit 0 of the immediate chooses the left half, bit 4 the right one.</summary>
internal readonly struct X86CarrylessInstructions : ICarrylessInstructions
{
    // Bytes are reversed by Ssse3's shuffle, without which the rest would not pay.
    public static bool IsSupported => Pclmulqdq.IsSupported && Ssse3.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> LowByLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Pclmulqdq.CarrylessMultiply(left, right, 0x00);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> LowByHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Pclmulqdq.CarrylessMultiply(left, right, 0x10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> HighByLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Pclmulqdq.CarrylessMultiply(left, right, 0x01);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> HighByHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Pclmulqdq.CarrylessMultiply(left, right, 0x11);
}
