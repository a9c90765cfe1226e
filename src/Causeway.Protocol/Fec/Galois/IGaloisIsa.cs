namespace Causeway.Protocol.Fec;

/// <summary>
/// What <see cref="VectorKernel{TIsa, TVector, TFactor}"/> needs of an instruction set. The JIT compiles the kernel
/// anew for each implementation, so these calls cost nothing.
/// </summary>
/// <typeparam name="TVector">A vector register of bytes.</typeparam>
/// <typeparam name="TFactor">A coefficient in the form in which the instruction set multiplies by it.</typeparam>
internal interface IGaloisIsa<TVector, TFactor>
{
    static abstract string Name { get; }

    static abstract bool IsSupported { get; }

    static abstract TFactor Factor(byte coefficient);

    /// <summary>The product of a coefficient with every byte of a vector.</summary>
    static abstract TVector Multiply(TVector source, TFactor factor);

    static abstract TVector Load(ref byte start, nuint offset);

    static abstract void Store(TVector vector, ref byte start, nuint offset);

    static abstract TVector Xor(TVector left, TVector right);

    static abstract TVector And(TVector left, TVector right);
}

/// <summary>A coefficient as its products with the low and with the high nibbles, in every 128-bit lane.</summary>
internal readonly record struct NibbleFactor<TVector>(TVector Low, TVector High);
