namespace Causeway.TestKit;

/// <summary>What <see cref="Mutator.Run"/> may be told besides corpus, count and seed.</summary>
public sealed record FuzzOptions
{
    /// <summary>The environment variable that multiplies the number of inputs of every run, for long runs by hand.</summary>
    public const string FactorVariable = "CAUSEWAY_FUZZ_FACTOR";

    /// <summary>The longest input in bytes; a corpus entry that is longer is cut. Default 2048.</summary>
    public int MaxLength { get; init; } = 2048;

    /// <summary>
    /// Answers how much the code under test holds: buffers rented, entries of a map, bytes queued. Asked every
    /// <see cref="MeasureEvery"/> inputs. None by default.
    /// </summary>
    public Func<long>? Measure { get; init; }

    /// <summary>The largest answer of <see cref="Measure"/> that is not a failure.</summary>
    public long MeasureLimit { get; init; } = long.MaxValue;

    /// <summary>After how many inputs <see cref="Measure"/> is asked. Default 64.</summary>
    public int MeasureEvery { get; init; } = 64;

    /// <summary>The first input to make, to repeat a failure without the inputs before it. Default 0.</summary>
    public long FirstIndex { get; init; }
}
