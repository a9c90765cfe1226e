using System.Buffers.Binary;

namespace Causeway.TestKit.Tests;

public sealed class MutatorTests
{
    private static readonly byte[][] s_corpus = [GoldenVectors.Pattern(40), [1, 2, 3], new byte[100], []];

    [Fact]
    public void FeedsTheCorpusFirstAndThenMutationsOfIt()
    {
        List<byte[]> inputs = [];
        Mutator.Run(s_corpus, 500, seed: 1, input => inputs.Add(input.ToArray()));
        Assert.Equal(500, inputs.Count);
        Assert.Equal(s_corpus, inputs[..4]);
        int changed = inputs.Count(input => !s_corpus.Any(entry => entry.AsSpan().SequenceEqual(input)));
        Assert.True(changed > 400, $"only {changed} inputs differ from the corpus");
    }

    [Fact]
    public void InputDependsOnSeedAndIndexAlone()
    {
        List<byte[]> first = [];
        List<byte[]> tail = [];
        Mutator.Run(s_corpus, 300, seed: 9, input => first.Add(input.ToArray()));
        Mutator.Run(s_corpus, 100, seed: 9, input => tail.Add(input.ToArray()), new FuzzOptions { FirstIndex = 200 });
        Assert.Equal(first[200..], tail);
        Assert.Equal(first[123], Mutator.Reproduce(s_corpus, 9, 123));
        List<byte[]> other = [];
        Mutator.Run(s_corpus, 300, seed: 10, input => other.Add(input.ToArray()));
        Assert.NotEqual(first, other);
    }

    [Fact]
    public void ReportsSeedIndexAndInputOfAFailure()
    {
        FuzzException failure = Assert.Throws<FuzzException>(() => Mutator.Run(s_corpus, 100_000, seed: 5, BuggyParser));
        Assert.IsType<IndexOutOfRangeException>(failure.InnerException);
        Assert.Equal(5UL, failure.Seed);
        Assert.Equal(Mutator.Reproduce(s_corpus, 5, failure.Index), failure.Input);
        Assert.Contains(Convert.ToHexString(failure.Input.Span), failure.Message, StringComparison.Ordinal);
        Assert.Contains("0x0000000000000005", failure.Message, StringComparison.Ordinal);
        Assert.Throws<IndexOutOfRangeException>(() => BuggyParser(failure.Input.Span));
    }

    [Fact]
    public void ReportsGrowth()
    {
        HashSet<int> remembered = [];
        FuzzOptions options = new() { Measure = () => remembered.Count, MeasureLimit = 50, MeasureEvery = 10 };
        FuzzException failure = Assert.Throws<FuzzException>(
            () => Mutator.Run(s_corpus, 100_000, seed: 5, input => remembered.Add(input.Length), options));
        Assert.Contains("limit of 50", failure.Message, StringComparison.Ordinal);
        Assert.Equal(9, failure.Index % 10);
    }

    [Fact]
    public void NeverMakesAnInputLongerThanAllowed()
    {
        FuzzOptions options = new() { MaxLength = 64 };
        int longest = 0;
        Mutator.Run(s_corpus, 20_000, seed: 2, input => longest = Math.Max(longest, input.Length), options);
        Assert.Equal(64, longest);
    }

    // Trusts a 16-bit length behind a marker that is left over from the corpus.
    private static void BuggyParser(ReadOnlySpan<byte> input)
    {
        if (input.Length >= 40 && input[0] == 3 && input[1] == 10)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(input[2..]);
            if (length < 200)
            {
                _ = input[length];
            }
        }
    }
}
