namespace Causeway.Kcp.Arq;

/// <summary>
/// Tells lost transmissions from late ones by later transmissions that were acknowledged. KCP counts skips on every
/// segment of the window; here each transmission has a number (as in RFC 8985 and RFC 9002), so that a segment was
/// skipped <c>resend</c> times exactly if its number is below the <c>resend</c>-th newest one acknowledged.
/// </summary>
internal sealed class LossDetector(int fastResend)
{
    // RFC 8985 section 6.2: the window grows in quarters up to one round trip, and after sixteen recoveries without a
    // needless retransmission it starts over.
    private const int MaxReorderSteps = 4;
    private const int RecoveriesToForget = 16;

    private readonly long[] _newest = new long[Math.Max(1, fastResend)];
    private int _count;
    private long _latestRtt = -1;
    private int _reorderSteps;
    private int _recoveries;
    private Timestamp _widenedAt = Timestamp.LongAgo;

    /// <summary>
    /// How long after its departure parity may follow that rebuilds a segment, in microseconds; 0 for none. It passes while
    /// the time for reordered datagrams does.
    /// </summary>
    public long RepairDelay { get; set; }

    /// <summary>Notes that a transmission arrived.</summary>
    /// <param name="transmission">Its number.</param>
    /// <param name="rttMicroseconds">Its round-trip time, or -1 where the acknowledgement's time says nothing.</param>
    public void OnAcknowledged(long transmission, long rttMicroseconds)
    {
        if (rttMicroseconds >= 0 && (_count == 0 || transmission > _newest[0]))
        {
            _latestRtt = rttMicroseconds;
        }

        int place = _count < _newest.Length ? _count++ : _newest.Length;
        while (place > 0 && _newest[place - 1] < transmission)
        {
            if (place < _newest.Length)
            {
                _newest[place] = _newest[place - 1];
            }

            place--;
        }

        if (place < _newest.Length)
        {
            _newest[place] = transmission;
        }
    }

    /// <summary>Whether a later transmission was acknowledged.</summary>
    public bool IsSkipped(SendSegment segment) => _count > 0 && segment.Transmission < _newest[0];

    /// <summary>Whether as many later transmissions were acknowledged as the option asks for.</summary>
    public bool IsSkippedEnough(SendSegment segment) =>
        fastResend > 0 && _count == fastResend && segment.Transmission < _newest[fastResend - 1];

    /// <summary>
    /// When a segment that was skipped enough counts as lost: at once, unless the path is known to reorder or parity may
    /// yet rebuild it.
    /// </summary>
    public Timestamp FastDueAt(SendSegment segment, long smoothedRtt)
    {
        long wait = Patience(smoothedRtt, leastSteps: 0);
        return wait == 0 || _latestRtt < 0 ? segment.SentAt : segment.SentAt.AddMicroseconds(_latestRtt + wait);
    }

    /// <summary>
    /// When a segment that was skipped at all counts as lost while nothing new leaves. KCP finds it at its next tick,
    /// which leaves reordered datagrams some time to arrive; without a tick, a quarter of the round trip does that (RFC
    /// 8985 section 6.2). New data postpones it by a round trip: its acknowledgements will tell.
    /// </summary>
    public Timestamp EarlyDueAt(SendSegment segment, Timestamp newDataSentAt, long smoothedRtt) => _latestRtt < 0
        ? Timestamp.Never
        : Timestamp.Max(segment.SentAt.AddMicroseconds(_latestRtt), newDataSentAt.AddMicroseconds(smoothedRtt))
            .AddMicroseconds(Patience(smoothedRtt, leastSteps: 1));

    /// <summary>
    /// When a segment that was skipped at all counts as lost by RFC 8985 section 6.2: a round trip after it left, and the
    /// time that reordered datagrams may take.
    /// </summary>
    public Timestamp LateDueAt(SendSegment segment, long smoothedRtt) => _latestRtt < 0
        ? Timestamp.Never
        : segment.SentAt.AddMicroseconds(_latestRtt + Patience(smoothedRtt, leastSteps: 1));

    /// <summary>
    /// A retransmission proved needless: wait longer for reordered datagrams, at most one step a round trip.
    /// </summary>
    public void OnSpurious(Timestamp now, long smoothedRtt)
    {
        _recoveries = 0;
        if (now.MicrosecondsSince(_widenedAt) >= smoothedRtt && _reorderSteps < MaxReorderSteps)
        {
            _reorderSteps++;
            _widenedAt = now;
        }
    }

    /// <summary>Losses were found.</summary>
    public void OnLoss()
    {
        if (_reorderSteps > 0 && ++_recoveries >= RecoveriesToForget)
        {
            _reorderSteps = 0;
            _recoveries = 0;
        }
    }

    private long Patience(long smoothedRtt, int leastSteps) =>
        Math.Max(smoothedRtt / MaxReorderSteps * Math.Max(leastSteps, _reorderSteps), RepairDelay);
}
