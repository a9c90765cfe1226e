namespace Causeway.TestKit;

/// <summary>An input made by the <see cref="Mutator"/> broke the code under test.</summary>
public sealed class FuzzException : Exception
{
    internal FuzzException(string what, ulong seed, long index, ReadOnlySpan<byte> input, Exception? inner)
        : base(
            $"{what} Seed 0x{seed:X16}, index {index}, {input.Length} bytes: {Convert.ToHexString(input)}",
            inner)
    {
        Seed = seed;
        Index = index;
        Input = input.ToArray();
    }

    /// <summary>The seed of the run.</summary>
    public ulong Seed { get; }

    /// <summary>The number of the input within the run.</summary>
    public long Index { get; }

    /// <summary>The input.</summary>
    public ReadOnlyMemory<byte> Input { get; }
}
