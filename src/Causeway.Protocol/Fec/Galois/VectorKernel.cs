using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Causeway.Protocol.Fec;

/// <summary>
/// The loops of <see cref="GaloisKernel"/> over vectors of any width. Whole vectors first; what is left over is the
/// upper part of one more vector that ends where the source ends, whose lower part, done already, is masked to zero:
/// its products are zero and change nothing. Sources shorter than a vector go to the next narrower kernel.
/// </summary>
internal sealed class VectorKernel<TIsa, TVector, TFactor> : GaloisKernel
    where TIsa : struct, IGaloisIsa<TVector, TFactor>
    where TVector : struct
    where TFactor : struct
{
    private readonly GaloisKernel _narrower;

    public VectorKernel(GaloisKernel narrower) => _narrower = narrower;

    public override string Name => TIsa.Name;

    public override bool IsSupported => TIsa.IsSupported;

    private static int Width => Unsafe.SizeOf<TVector>();

    // As many zeros as the widest vector has bytes, then as many ones.
    private static ReadOnlySpan<byte> TailMasks =>
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    ];

    public override void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (source.Length < Width)
        {
            _narrower.MultiplyAdd(coefficient, source, destination);
            return;
        }

        TFactor factor = TIsa.Factor(coefficient);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref Start(destination, source.Length);
        nuint last = (nuint)(source.Length - Width);
        nuint offset = 0;
        for (; offset <= last; offset += (nuint)Width)
        {
            Add(TIsa.Load(ref from, offset), factor, ref to, offset);
        }

        if (offset != last + (nuint)Width)
        {
            Add(Tail(ref from, last, offset), factor, ref to, last);
        }
    }

    public override void MultiplyAdd2(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second)
    {
        if (source.Length < Width)
        {
            _narrower.MultiplyAdd2(coefficients, source, first, second);
            return;
        }

        TFactor factor0 = TIsa.Factor(coefficients[0]);
        TFactor factor1 = TIsa.Factor(coefficients[1]);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to0 = ref Start(first, source.Length);
        ref byte to1 = ref Start(second, source.Length);
        nuint last = (nuint)(source.Length - Width);
        nuint offset = 0;
        for (; offset <= last; offset += (nuint)Width)
        {
            TVector bytes = TIsa.Load(ref from, offset);
            Add(bytes, factor0, ref to0, offset);
            Add(bytes, factor1, ref to1, offset);
        }

        if (offset != last + (nuint)Width)
        {
            TVector bytes = Tail(ref from, last, offset);
            Add(bytes, factor0, ref to0, last);
            Add(bytes, factor1, ref to1, last);
        }
    }

    public override void MultiplyAdd3(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second, Span<byte> third)
    {
        if (source.Length < Width)
        {
            _narrower.MultiplyAdd3(coefficients, source, first, second, third);
            return;
        }

        TFactor factor0 = TIsa.Factor(coefficients[0]);
        TFactor factor1 = TIsa.Factor(coefficients[1]);
        TFactor factor2 = TIsa.Factor(coefficients[2]);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to0 = ref Start(first, source.Length);
        ref byte to1 = ref Start(second, source.Length);
        ref byte to2 = ref Start(third, source.Length);
        nuint last = (nuint)(source.Length - Width);
        nuint offset = 0;
        for (; offset <= last; offset += (nuint)Width)
        {
            TVector bytes = TIsa.Load(ref from, offset);
            Add(bytes, factor0, ref to0, offset);
            Add(bytes, factor1, ref to1, offset);
            Add(bytes, factor2, ref to2, offset);
        }

        if (offset != last + (nuint)Width)
        {
            TVector bytes = Tail(ref from, last, offset);
            Add(bytes, factor0, ref to0, last);
            Add(bytes, factor1, ref to1, last);
            Add(bytes, factor2, ref to2, last);
        }
    }

    public override void MultiplyAdd4(
        ReadOnlySpan<byte> coefficients,
        ReadOnlySpan<byte> source,
        Span<byte> first,
        Span<byte> second,
        Span<byte> third,
        Span<byte> fourth)
    {
        if (source.Length < Width)
        {
            _narrower.MultiplyAdd4(coefficients, source, first, second, third, fourth);
            return;
        }

        TFactor factor0 = TIsa.Factor(coefficients[0]);
        TFactor factor1 = TIsa.Factor(coefficients[1]);
        TFactor factor2 = TIsa.Factor(coefficients[2]);
        TFactor factor3 = TIsa.Factor(coefficients[3]);
        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to0 = ref Start(first, source.Length);
        ref byte to1 = ref Start(second, source.Length);
        ref byte to2 = ref Start(third, source.Length);
        ref byte to3 = ref Start(fourth, source.Length);
        nuint last = (nuint)(source.Length - Width);
        nuint offset = 0;
        for (; offset <= last; offset += (nuint)Width)
        {
            TVector bytes = TIsa.Load(ref from, offset);
            Add(bytes, factor0, ref to0, offset);
            Add(bytes, factor1, ref to1, offset);
            Add(bytes, factor2, ref to2, offset);
            Add(bytes, factor3, ref to3, offset);
        }

        if (offset != last + (nuint)Width)
        {
            TVector bytes = Tail(ref from, last, offset);
            Add(bytes, factor0, ref to0, last);
            Add(bytes, factor1, ref to1, last);
            Add(bytes, factor2, ref to2, last);
            Add(bytes, factor3, ref to3, last);
        }
    }

    // The one bounds check: a destination holds the whole source.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref byte Start(Span<byte> destination, int length) => ref MemoryMarshal.GetReference(destination[..length]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(TVector bytes, TFactor factor, ref byte to, nuint offset) =>
        TIsa.Store(TIsa.Xor(TIsa.Load(ref to, offset), TIsa.Multiply(bytes, factor)), ref to, offset);

    /// <summary>
    /// The vector at <paramref name="last"/> with the bytes before <paramref name="done"/> made zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Tail(ref byte from, nuint last, nuint done)
    {
        nuint zeros = done - last;
        ref byte masks = ref MemoryMarshal.GetReference(TailMasks);
        return TIsa.And(TIsa.Load(ref from, last), TIsa.Load(ref masks, (nuint)(TailMasks.Length / 2) - zeros));
    }
}
