using Causeway.Protocol;

namespace Causeway.Testing;

/// <summary>What one direction of a link does to datagrams. The default is a perfect link.</summary>
public sealed record FaultModelOptions
{
    // Keeps the arithmetic of the queue, in millionths of a bit, far from the end of a long.
    private const long MaxQueueBytes = 1L << 34;
    private const long MaxRate = 1_000_000_000_000;
    private const long MinDefaultQueueBytes = 32 * 1024;

    // A smaller bucket would let no full datagram pass, ever.
    private const long MinPolicerBurst = 2048;

    private static readonly TimeSpan s_maxDelay = TimeSpan.FromHours(1);

    /// <summary>Chance that a datagram is lost, independently of all others; 0 to 1, default 0.</summary>
    public double Loss { get; init; }

    /// <summary>
    /// Chance per datagram that the link turns bad; 0 to 1, default 0: never. With <see cref="BurstLeave"/> and
    /// <see cref="BurstLoss"/> this is the model of Gilbert (1960) and Elliott (1963): the mean burst is
    /// 1 / <see cref="BurstLeave"/> datagrams, the share of time that is bad
    /// <see cref="BurstEnter"/> / (<see cref="BurstEnter"/> + <see cref="BurstLeave"/>).
    /// </summary>
    public double BurstEnter { get; init; }

    /// <summary>Chance per datagram that a bad link turns good again; 0 to 1, default 0.25.</summary>
    public double BurstLeave { get; init; } = 0.25;

    /// <summary>Chance that a datagram is lost while the link is bad; 0 to 1, default 1.</summary>
    public double BurstLoss { get; init; } = 1;

    /// <summary>One-way delay; 0 to 1 hour, default 0.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>
    /// Each datagram's delay varies uniformly by up to this much either way (never below 0), so that datagrams may
    /// overtake each other unless <see cref="KeepOrder"/> is set; 0 to 1 hour, default 0.
    /// </summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Whether a datagram waits for an earlier one that jitter delays more; default false.</summary>
    public bool KeepOrder { get; init; }

    /// <summary>
    /// Chance that a datagram is held back by <see cref="ReorderGap"/>, also with <see cref="KeepOrder"/>; 0 to 1.
    /// </summary>
    public double Reorder { get; init; }

    /// <summary>How long a datagram that <see cref="Reorder"/> picks is held back; 0 to 1 hour, default 5 ms.</summary>
    public TimeSpan ReorderGap { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Chance that a datagram arrives twice; 0 to 1, default 0. The copy has jitter of its own and never comes first.
    /// </summary>
    public double Duplicate { get; init; }

    /// <summary>Chance that one bit of a datagram is flipped; 0 to 1, default 0.</summary>
    public double Corrupt { get; init; }

    /// <summary>Rate of the link in bits per second, up to 10^12; 0, the default, is unlimited.</summary>
    public long RateBitsPerSecond { get; init; }

    /// <summary>
    /// Bytes, overhead included, that wait in front of a link of limited rate; what does not fit is dropped
    /// (drop-tail). Up to 16 GiB; 0, the default, means one round trip of the rate (rate x <see cref="Delay"/> x 2), at
    /// least 32 KiB.
    /// </summary>
    public long QueueBytes { get; init; }

    /// <summary>
    /// The wait in the queue from which on datagrams that are capable of it are marked (CE) as they enter: a step, as in RFC
    /// 8257 section 3.1. Datagrams that find no room are dropped all the same. 0 to 1 hour; 0, the default, marks
    /// nothing.
    /// </summary>
    public TimeSpan MarkThreshold { get; init; }

    /// <summary>
    /// Rate in bits per second to which a policer holds what enters, up to 10^12; 0, the default, means there is none. It is a
    /// token bucket in front of the queue: what finds too few tokens is dropped, nothing waits.
    /// </summary>
    public long PolicerBitsPerSecond { get; init; }

    /// <summary>
    /// Bytes, overhead included, that the policer's bucket holds, which may pass at once after a pause; 2048 to 16 GiB, default
    /// 64 KiB.
    /// </summary>
    public long PolicerBurstBytes { get; init; } = 64 * 1024;

    /// <summary>
    /// The longest payload that the link carries: longer ones vanish without a word, as on a path with a smaller MTU whose
    /// routers report nothing. 0, the default, is any.
    /// </summary>
    public int MaxPayloadBytes { get; init; }

    /// <summary>
    /// Bytes that each datagram takes on the link beyond its payload; 0 to 1024, default 28: IPv4 and UDP headers.
    /// </summary>
    public int OverheadBytes { get; init; } = 28;

    /// <summary><see cref="QueueBytes"/> with its default filled in.</summary>
    public long EffectiveQueueBytes
    {
        get
        {
            if (QueueBytes > 0)
            {
                return QueueBytes;
            }

            // Double is exact enough for a default, and does not overflow.
            double roundTrip = RateBitsPerSecond / 8.0 * Delay.TotalSeconds * 2;
            return Math.Clamp((long)roundTrip, MinDefaultQueueBytes, MaxQueueBytes);
        }
    }

    /// <summary>Throws if an option is out of its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and the range.</exception>
    public void Validate()
    {
        RequireChance(Loss, nameof(Loss));
        RequireChance(BurstEnter, nameof(BurstEnter));
        RequireChance(BurstLeave, nameof(BurstLeave));
        RequireChance(BurstLoss, nameof(BurstLoss));
        RequireChance(Reorder, nameof(Reorder));
        RequireChance(Duplicate, nameof(Duplicate));
        RequireChance(Corrupt, nameof(Corrupt));
        RequireDelay(Delay, nameof(Delay));
        RequireDelay(Jitter, nameof(Jitter));
        RequireDelay(ReorderGap, nameof(ReorderGap));
        RequireDelay(MarkThreshold, nameof(MarkThreshold));
        RequireRange(RateBitsPerSecond, MaxRate, nameof(RateBitsPerSecond));
        RequireRange(QueueBytes, MaxQueueBytes, nameof(QueueBytes));
        RequireRange(PolicerBitsPerSecond, MaxRate, nameof(PolicerBitsPerSecond));
        RequireRange(PolicerBurstBytes, MaxQueueBytes, nameof(PolicerBurstBytes), MinPolicerBurst);
        RequireRange(MaxPayloadBytes, 65535, nameof(MaxPayloadBytes));
        RequireRange(OverheadBytes, 1024, nameof(OverheadBytes));
    }

    private static void RequireChance(double value, string name)
    {
        // Negated, so that NaN is refused too.
        if (!(value >= 0 && value <= 1))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be 0 to 1.");
        }
    }

    private static void RequireDelay(TimeSpan value, string name)
    {
        if (value < TimeSpan.Zero || value > s_maxDelay)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be 0 to {s_maxDelay}.");
        }
    }

    private static void RequireRange(long value, long max, string name, long min = 0)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {min} to {max}.");
        }
    }
}
