namespace Causeway.Kcp.Arq;

/// <summary>
/// When the oldest transmission in flight counts as lost for want of any acknowledgement, with back-off over the
/// session instead of KCP's per segment: while nothing is heard, one segment's silence tells as much as a thousand's.
/// </summary>
internal sealed class RetransmissionTimer(bool noDelay)
{
    // After an outage the next attempt decides how soon the session is back; two seconds keep that short, and one or
    // two datagrams in two seconds load no link. A longer estimate prevails, or a slow path would only ever see
    // repeats.
    private const long MaxBackedOff = 2_000_000;


    // RFC 9002 section 7.6: the threshold is three probe timeouts; with back-off the third in a row lies beyond it.
    private const int PersistentExpirations = 3;

    private const int MaxLinearExpirations = 6;

    private long _backedOff;
    private int _expirations;
    private Timestamp _restartedAt = Timestamp.LongAgo;

    /// <summary>Whether it ran out and nothing was acknowledged since.</summary>
    public bool IsBackedOff => _backedOff > 0;

    /// <summary>Whether it ran out so often in a row that the path must have changed.</summary>
    public bool IsPersistent => _expirations >= PersistentExpirations;

    /// <summary>When the timer runs out, for the oldest transmission in flight.</summary>
    public Timestamp Deadline(SendSegment oldest, long rtoMicroseconds) =>
        Timestamp.Max(oldest.SentAt, _restartedAt).AddMicroseconds(Math.Max(_backedOff, rtoMicroseconds));

    /// <summary>It ran out: wait longer the next time.</summary>
    /// <param name="rtoMicroseconds">The timeout without back-off.</param>
    /// <param name="isThin">
    /// Whether what is sent again is so little that it cannot have been the congestion: then the first few times the wait
    /// stays as it is (Linux calls it thin_linear_timeouts).
    /// </param>
    /// <param name="now">The time.</param>
    public void OnExpired(long rtoMicroseconds, bool isThin, Timestamp now)
    {
        long current = Math.Max(_backedOff, rtoMicroseconds);
        bool stays = isThin && _expirations < MaxLinearExpirations;
        long next = stays ? current : noDelay ? current + (current / 2) : current * 2;
        _backedOff = Math.Min(next, Math.Max(MaxBackedOff, rtoMicroseconds));
        _restartedAt = now;
        _expirations++;
    }

    /// <summary>The path works again: no more waiting than ever.</summary>
    public void OnPathBack()
    {
        _backedOff = 0;
        _restartedAt = Timestamp.LongAgo;
    }

    /// <summary>This side did not run for so long.</summary>
    public void Shift(long microseconds) => _restartedAt = _restartedAt.AddMicroseconds(microseconds);

    /// <summary>A probe left, which is to be given the time to be answered (RFC 8985 section 7.3).</summary>
    public void OnProbed(Timestamp now) => _restartedAt = now;

    /// <summary>Something was acknowledged: the path works.</summary>
    public void OnProgress()
    {
        _backedOff = 0;
        _expirations = 0;
        _restartedAt = Timestamp.LongAgo;
    }
}
