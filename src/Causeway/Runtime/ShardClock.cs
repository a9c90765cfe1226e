namespace Causeway.Runtime;

/// <summary>
/// The time of all shards of a listener, or of a client's one: they share an origin, because what one shard notes in the
/// listener's directory another one compares with its own time.
/// </summary>
internal sealed class ShardClock(TimeProvider time)
{
    private readonly long _origin = time.GetTimestamp();

    /// <summary>Where timers come from.</summary>
    public TimeProvider TimeProvider { get; } = time;

    /// <summary>Microseconds since the clock was made.</summary>
    public Timestamp Now => new((long)TimeProvider.GetElapsedTime(_origin).TotalMicroseconds);
}
