namespace Causeway.Protocol;

/// <summary>
/// A point in time in microseconds from an arbitrary origin. The core never reads a clock: every call that needs the
/// time takes one of these, and values of one session must never decrease.
/// </summary>
/// <param name="Microseconds">Microseconds since the origin that the driver chose.</param>
public readonly record struct Timestamp(long Microseconds) : IComparable<Timestamp>
{
    /// <summary>The origin.</summary>
    public static Timestamp Zero => default;

    /// <summary>Before everything: what has not happened yet happened then. Durations since then do not overflow.</summary>
    public static Timestamp LongAgo => new(long.MinValue / 2);

    /// <summary>A deadline that never comes.</summary>
    public static Timestamp Never => new(long.MaxValue);

    /// <summary>Whether this is <see cref="Never"/>.</summary>
    public bool IsNever => Microseconds == long.MaxValue;

    /// <summary>The time that lies <paramref name="milliseconds"/> after the origin.</summary>
    public static Timestamp FromMilliseconds(long milliseconds) => new(milliseconds * 1000);

    /// <summary>The earlier of two times.</summary>
    public static Timestamp Min(Timestamp left, Timestamp right) => left.Microseconds <= right.Microseconds ? left : right;

    /// <summary>The later of two times.</summary>
    public static Timestamp Max(Timestamp left, Timestamp right) => left.Microseconds >= right.Microseconds ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Timestamp other) => Microseconds.CompareTo(other.Microseconds);

    /// <summary>This time moved by a number of microseconds; <see cref="Never"/> stays never.</summary>
    public Timestamp AddMicroseconds(long microseconds) => IsNever ? this : new(Microseconds + microseconds);

    /// <summary>This time moved by a duration; <see cref="Never"/> stays never.</summary>
    public Timestamp Add(TimeSpan duration) => AddMicroseconds(duration.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>Microseconds from <paramref name="earlier"/> to this time.</summary>
    public long MicrosecondsSince(Timestamp earlier) => Microseconds - earlier.Microseconds;

    /// <summary>The duration from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static TimeSpan operator -(Timestamp left, Timestamp right) =>
        new((left.Microseconds - right.Microseconds) * TimeSpan.TicksPerMicrosecond);

    /// <summary>This time moved by a duration.</summary>
    public static Timestamp operator +(Timestamp left, TimeSpan right) => left.Add(right);

    /// <summary>Whether <paramref name="left"/> is earlier.</summary>
    public static bool operator <(Timestamp left, Timestamp right) => left.Microseconds < right.Microseconds;

    /// <summary>Whether <paramref name="left"/> is later.</summary>
    public static bool operator >(Timestamp left, Timestamp right) => left.Microseconds > right.Microseconds;

    /// <summary>Whether <paramref name="left"/> is not later.</summary>
    public static bool operator <=(Timestamp left, Timestamp right) => left.Microseconds <= right.Microseconds;

    /// <summary>Whether <paramref name="left"/> is not earlier.</summary>
    public static bool operator >=(Timestamp left, Timestamp right) => left.Microseconds >= right.Microseconds;
}
