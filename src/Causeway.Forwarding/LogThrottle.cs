namespace Causeway.Forwarding;

/// <summary>Lets a log line through that could come with every connection, at most once a period. Thread-safe.</summary>
internal sealed class LogThrottle(TimeProvider time)
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long? _last;

    public bool IsDue()
    {
        lock (_gate)
        {
            if (_last is { } last && time.GetElapsedTime(last) < s_period)
            {
                return false;
            }

            _last = time.GetTimestamp();
            return true;
        }
    }
}
