namespace Causeway;

/// <summary>
/// Decides whether and when a connection that could not be made is tried again. Instances are shared and called from any thread: they
/// keep no state.
/// </summary>
public abstract class RetryPolicy
{
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_last = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Waits for 100 ms, doubling to 10 s, of which a part is taken at random from nothing to all of it, so that many clients do not
    /// come back together ("full jitter"). Goes on for ever, and ends at once when trying again cannot help
    /// (<see cref="TransportException.IsTransient"/>).
    /// </summary>
    public static RetryPolicy Default { get; } = new ExponentialRetryPolicy(s_first, s_last, int.MaxValue);

    /// <summary>Never tries again.</summary>
    public static RetryPolicy None { get; } = new ExponentialRetryPolicy(s_first, s_last, 0);

    /// <summary>The default with other times, or a limit.</summary>
    /// <param name="first">The longest that the first wait may be; more than zero.</param>
    /// <param name="last">The longest that any wait may be; at least <paramref name="first"/>, at most a day.</param>
    /// <param name="limit">How often to try again; at least 0. By default without end.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static RetryPolicy Exponential(TimeSpan first, TimeSpan last, int limit = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(first, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(last, first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(last, TimeSpan.FromDays(1));
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        return new ExponentialRetryPolicy(first, last, limit);
    }

    /// <summary>How long to wait before the next try; null to give up.</summary>
    public abstract TimeSpan? NextDelay(in RetryContext context);

    private sealed class ExponentialRetryPolicy(TimeSpan first, TimeSpan last, int limit) : RetryPolicy
    {
        // Beyond this, no step is shorter than a day.
        private const int MostDoublings = 40;

        public override TimeSpan? NextDelay(in RetryContext context)
        {
            if (!context.Error.IsTransient || context.Failures > limit)
            {
                return null;
            }

            double step = Math.Min(first.TotalSeconds * Math.Pow(2, Math.Min(context.Failures - 1, MostDoublings)), last.TotalSeconds);
            return TimeSpan.FromSeconds(step * context.Random);
        }
    }
}

/// <summary>What a <see cref="RetryPolicy"/> decides by.</summary>
public readonly record struct RetryContext
{
    /// <summary>Why the connection could not be made.</summary>
    public required TransportException Error { get; init; }

    /// <summary>How often in a row it could not; at least 1.</summary>
    public required int Failures { get; init; }

    /// <summary>How long ago the first try began.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>A random number from 0 up to 1, so that a policy needs no generator of its own.</summary>
    public double Random { get; init; }
}
