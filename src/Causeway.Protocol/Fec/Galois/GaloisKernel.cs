using System.Runtime.Intrinsics;

namespace Causeway.Protocol.Fec;

/// <summary>
/// <c>destination[i] ^= coefficient * source[i]</c>, the one hot loop of Reed-Solomon, for one instruction set. The
/// fused forms update several destinations while the source stands in registers.
/// </summary>
/// <remarks>
/// A destination is at least as long as the source and does not overlap it or another destination. Every kernel gives
/// the same bytes as <see cref="ScalarKernel"/>; tests compare them.
/// </remarks>
internal abstract class GaloisKernel
{
    /// <summary>The widest fused form.</summary>
    public const int MaxFusedRows = 4;

    private static readonly ScalarKernel s_scalar = new();
    private static readonly GaloisKernel s_ssse3 =
        new VectorKernel<Ssse3Isa, Vector128<byte>, NibbleFactor<Vector128<byte>>>(s_scalar);

    private static readonly GaloisKernel s_avx2 =
        new VectorKernel<Avx2Isa, Vector256<byte>, NibbleFactor<Vector256<byte>>>(s_ssse3);

    private static readonly GaloisKernel s_avx512 =
        new VectorKernel<Avx512Isa, Vector512<byte>, NibbleFactor<Vector512<byte>>>(s_avx2);

    private static readonly GaloisKernel s_gfni256 =
        new VectorKernel<Gfni256Isa, Vector256<byte>, Vector256<byte>>(s_ssse3);

    private static readonly GaloisKernel s_gfni512 =
        new VectorKernel<Gfni512Isa, Vector512<byte>, Vector512<byte>>(s_gfni256);

    private static readonly GaloisKernel s_advSimd =
        new VectorKernel<AdvSimdIsa, Vector128<byte>, NibbleFactor<Vector128<byte>>>(s_scalar);

    /// <summary>All kernels, whether this machine can run them or not; the fastest first.</summary>
    public static IReadOnlyList<GaloisKernel> All { get; } =
        [s_gfni512, s_gfni256, s_avx512, s_avx2, s_ssse3, s_advSimd, s_scalar];

    /// <summary>The fastest kernel that this machine can run, chosen once.</summary>
    public static GaloisKernel Best { get; } = All.First(static kernel => kernel.IsSupported);

    /// <summary>The instruction set, for diagnostics.</summary>
    public abstract string Name { get; }

    /// <summary>Whether this machine has the instruction set.</summary>
    public abstract bool IsSupported { get; }

    /// <summary>Adds the product of one coefficient and the source to one destination.</summary>
    public abstract void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>The same for two coefficients and two destinations.</summary>
    public abstract void MultiplyAdd2(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second);

    /// <summary>The same for three coefficients and three destinations.</summary>
    public abstract void MultiplyAdd3(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second, Span<byte> third);

    /// <summary>The same for four coefficients and four destinations.</summary>
    public abstract void MultiplyAdd4(
        ReadOnlySpan<byte> coefficients,
        ReadOnlySpan<byte> source,
        Span<byte> first,
        Span<byte> second,
        Span<byte> third,
        Span<byte> fourth);

    /// <summary>
    /// Adds the products of the source and each coefficient to the payload, from <paramref name="offset"/> on, of the
    /// row of the same index.
    /// </summary>
    public void MultiplyAddRows(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, ReadOnlySpan<PacketBuffer?> rows, int offset)
    {
        int row = 0;
        for (; rows.Length - row >= MaxFusedRows; row += MaxFusedRows)
        {
            MultiplyAdd4(
                coefficients[row..],
                source,
                Row(rows, row, offset),
                Row(rows, row + 1, offset),
                Row(rows, row + 2, offset),
                Row(rows, row + 3, offset));
        }

        switch (rows.Length - row)
        {
            case 3:
                MultiplyAdd3(
                    coefficients[row..],
                    source,
                    Row(rows, row, offset),
                    Row(rows, row + 1, offset),
                    Row(rows, row + 2, offset));
                break;
            case 2:
                MultiplyAdd2(coefficients[row..], source, Row(rows, row, offset), Row(rows, row + 1, offset));
                break;
            case 1:
                MultiplyAdd(coefficients[row], source, Row(rows, row, offset));
                break;
        }
    }

    private static Span<byte> Row(ReadOnlySpan<PacketBuffer?> rows, int row, int offset) => rows[row]!.Payload[offset..];
}
