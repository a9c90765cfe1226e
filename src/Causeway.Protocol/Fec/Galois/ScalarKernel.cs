namespace Causeway.Protocol.Fec;

/// <summary>The portable kernel, the reference that the vector kernels are held against.</summary>
internal sealed class ScalarKernel : GaloisKernel
{
    public override string Name => "scalar";

    public override bool IsSupported => true;

    public override void MultiplyAdd(byte coefficient, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ReadOnlySpan<byte> low = GaloisField.NibbleProducts(coefficient)[..16];
        ReadOnlySpan<byte> high = GaloisField.NibbleProducts(coefficient)[16..];
        destination = destination[..source.Length];
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] ^= (byte)(low[source[i] & 0x0F] ^ high[source[i] >> 4]);
        }
    }

    public override void MultiplyAdd2(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second)
    {
        MultiplyAdd(coefficients[0], source, first);
        MultiplyAdd(coefficients[1], source, second);
    }

    public override void MultiplyAdd3(
        ReadOnlySpan<byte> coefficients, ReadOnlySpan<byte> source, Span<byte> first, Span<byte> second, Span<byte> third)
    {
        MultiplyAdd2(coefficients, source, first, second);
        MultiplyAdd(coefficients[2], source, third);
    }

    public override void MultiplyAdd4(
        ReadOnlySpan<byte> coefficients,
        ReadOnlySpan<byte> source,
        Span<byte> first,
        Span<byte> second,
        Span<byte> third,
        Span<byte> fourth)
    {
        MultiplyAdd2(coefficients, source, first, second);
        MultiplyAdd2(coefficients[2..], source, third, fourth);
    }
}
