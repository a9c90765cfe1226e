namespace Causeway.Kcp.Arq;

/// <summary>
/// When nothing is heard for a little more than a round trip, the last segments or their acknowledgements were lost, and
/// no later one will tell. One segment then goes again: its acknowledgement, which bears the newest transmission number,
/// shows everything else that is missing, long before the retransmission timer would (RFC 8985 section 7).
/// </summary>
internal sealed class TailLossProbe
{
    // What a peer may hold an acknowledgement back for; slower peers show in the variance.
    private const long MaxAckDelay = 2_000;
    private const long Granularity = 1_000;

    /// <summary>Whether a probe was sent and nothing has been acknowledged since.</summary>
    public bool IsOutstanding { get; private set; }

    /// <summary>When the probe is due (RFC 9002 section 6.2.1, which is closer than twice the round-trip time).</summary>
    /// <param name="waiting">The transmission whose acknowledgement is overdue then.</param>
    /// <param name="smoothedRtt">In microseconds; 0 before the first sample, when there is nothing to go by.</param>
    /// <param name="variance">In microseconds.</param>
    /// <param name="rto">The retransmission timeout in microseconds, which a probe never comes behind.</param>
    public Timestamp DueAt(SendSegment waiting, long smoothedRtt, long variance, long rto)
    {
        if (IsOutstanding || smoothedRtt == 0)
        {
            return Timestamp.Never;
        }

        long wait = smoothedRtt + Math.Max(4 * variance, Granularity) + MaxAckDelay;
        return waiting.SentAt.AddMicroseconds(Math.Min(wait, rto));
    }

    /// <summary>The probe left.</summary>
    public void OnSent() => IsOutstanding = true;

    /// <summary>Something was acknowledged.</summary>
    public void OnProgress() => IsOutstanding = false;
}
