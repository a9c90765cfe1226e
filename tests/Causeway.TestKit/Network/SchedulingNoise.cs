namespace Causeway.TestKit;

/// <summary>
/// How late a host runs after a timer or a datagram asked for it, as on a machine that has other things to do: mostly a little,
/// and now and then, when somebody else has the processor, for some milliseconds.
/// </summary>
public sealed class SchedulingNoise
{
    private readonly SeededRandom _random;

    /// <summary>Makes noise.</summary>
    /// <param name="seed">Its seed.</param>
    public SchedulingNoise(ulong seed) => _random = new SeededRandom(seed);

    /// <summary>The mean of an ordinary turn's lateness.</summary>
    public TimeSpan Mean { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <summary>The chance that a turn waits for somebody else's time slice.</summary>
    public double StallChance { get; init; } = 0.002;

    /// <summary>The longest such wait; they are spread evenly up to it.</summary>
    public TimeSpan LongestStall { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>The next turn's lateness in microseconds.</summary>
    internal long Next()
    {
        double late = -Math.Log(1 - _random.NextDouble()) * Mean.TotalMicroseconds;
        if (_random.Chance(StallChance))
        {
            late += _random.NextDouble() * LongestStall.TotalMicroseconds;
        }

        return (long)late;
    }
}
