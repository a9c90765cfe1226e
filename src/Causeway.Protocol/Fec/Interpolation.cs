namespace Causeway.Protocol.Fec;

/// <summary>
/// Coefficients that turn the values of a polynomial at some points into its values at others (Lagrange).
/// </summary>
/// <remarks>
/// <para>
/// The coding matrix of docs/wire/kcptun.md 4.5, a Vandermonde matrix times the inverse of its top square, says just
/// this: the i-th bytes of the data shards are the values of a polynomial of degree below ds at the field elements 0 ..
/// ds-1, and parity shard p is its value at ds + p. Any ds shards determine the polynomial and so every other shard,
/// and no matrix is inverted: <c>L_y(x) = product over present j other than y of (x - j) / (y - j)</c>, where minus is
/// xor.
/// </para>
/// <para>No factor is zero, because points are distinct and no target is among the present ones.</para>
/// </remarks>
internal readonly ref struct Interpolation
{
    private readonly ReadOnlySpan<byte> _present;
    private readonly ReadOnlySpan<byte> _targets;
    private readonly Span<byte> _numerators;

    /// <param name="present">The points whose values are known.</param>
    /// <param name="targets">The points whose values are wanted.</param>
    /// <param name="scratch">Working memory, as long as <paramref name="targets"/>.</param>
    public Interpolation(ReadOnlySpan<byte> present, ReadOnlySpan<byte> targets, Span<byte> scratch)
    {
        _present = present;
        _targets = targets;
        _numerators = scratch[..targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            _numerators[i] = (byte)LogarithmOfDifferences(targets[i]);
        }
    }

    /// <summary>The coefficient of the present point of the given index in each target.</summary>
    public void Column(int index, Span<byte> coefficients)
    {
        byte point = _present[index];
        int denominator = LogarithmOfDifferences(point);
        for (int i = 0; i < _targets.Length; i++)
        {
            int logarithm = _numerators[i] - GaloisField.Logarithm(_targets[i] ^ point) - denominator;
            coefficients[i] = GaloisField.Power((logarithm + (2 * GaloisField.Order)) % GaloisField.Order);
        }
    }

    private int LogarithmOfDifferences(byte point)
    {
        int sum = 0;
        foreach (byte other in _present)
        {
            if (other != point)
            {
                sum += GaloisField.Logarithm(other ^ point);
            }
        }

        return sum % GaloisField.Order;
    }
}
