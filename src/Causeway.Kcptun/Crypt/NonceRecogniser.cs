using System.Buffers.Binary;

namespace Causeway.Kcptun.Crypt;

/// <summary>Knows the nonces of one <see cref="NonceMaker"/>, while another thread makes them.</summary>
internal sealed class NonceRecogniser : IDisposable
{
    /// <summary>Nonces that <see cref="FindOwn"/> takes at a time: as many as AES instructions do side by side.</summary>
    public const int Group = 8;

    private const int MaxLength = 16;

    private readonly NonceMaker _maker;
    private readonly NoncePermutation _permutation;
    private readonly int _length;

    /// <param name="maker">Whose nonces these are.</param>
    /// <param name="permutation">What undoes its permutation; the recogniser's from here on.</param>
    public NonceRecogniser(NonceMaker maker, NoncePermutation permutation)
    {
        _maker = maker;
        _permutation = permutation;
        _length = maker.Length;
    }

    /// <summary>Tells which nonces were made there.</summary>
    /// <param name="nonces">Up to <see cref="Group"/>, one behind the other.</param>
    /// <returns>Bit i is set if nonce i is that one's.</returns>
    public uint FindOwn(ReadOnlySpan<byte> nonces)
    {
        Span<byte> counts = stackalloc byte[Group * MaxLength];
        counts = counts[..nonces.Length];
        _permutation.Apply(nonces, counts);
        ulong made = _maker.Made;
        uint own = 0;
        for (int i = 0; counts.Length > 0; i++)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(counts) < made && !counts[sizeof(ulong).._length].ContainsAnyExcept((byte)0))
            {
                own |= 1u << i;
            }

            counts = counts[_length..];
        }

        return own;
    }

    /// <summary>Forgets the key.</summary>
    public void Dispose() => _permutation.Dispose();
}
