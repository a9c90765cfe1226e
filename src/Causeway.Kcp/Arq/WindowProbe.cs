namespace Causeway.Kcp.Arq;

/// <summary>
/// Asks a peer that left no room for its window again: after 500 ms, then after waits that grow by half up to two
/// minutes (docs/wire/kcptun.md 5.7.3).
/// </summary>
internal sealed class WindowProbe(long deadLinkMicroseconds)
{
    private const long FirstWait = 500_000;
    private const long LongestWait = 120_000_000;

    // While a probe is unanswered the next must not be so far off that a single lost one looks like a dead link.
    private readonly long _longestUnanswered = Math.Max(FirstWait, deadLinkMicroseconds / 6);
    private long _wait;
    private bool _unanswered;

    /// <summary>When to ask; Never while there is room.</summary>
    public Timestamp DueAt { get; private set; } = Timestamp.Never;

    /// <summary>Tells whether the peer leaves room.</summary>
    public void Update(bool isBlocked, Timestamp now)
    {
        if (!isBlocked)
        {
            _wait = 0;
            DueAt = Timestamp.Never;
        }
        else if (_wait == 0)
        {
            _wait = FirstWait;
            DueAt = now.AddMicroseconds(_wait);
        }
    }

    /// <summary>A probe left.</summary>
    public void OnSent(Timestamp now)
    {
        // Whole milliseconds, as kcptun: 750, 1125, 1687, ...
        long milliseconds = _wait / 1000;
        _wait = Math.Min((milliseconds + (milliseconds / 2)) * 1000, LongestWait);
        DueAt = now.AddMicroseconds(_unanswered ? Math.Min(_wait, _longestUnanswered) : _wait);
        _unanswered = true;
    }

    /// <summary>Something arrived from the peer.</summary>
    public void OnHeard() => _unanswered = false;
}
