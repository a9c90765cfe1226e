namespace Causeway.Quic.Recovery;

/// <summary>The round-trip time of a path (RFC 9002, 5), in microseconds.</summary>
internal sealed class QuicRtt
{
    /// <summary>What is assumed before the first sample (RFC 9002, 6.2.2).</summary>
    public const long InitialRtt = 333_000;

    // As long as the probe timeout before the first sample.
    private const long LongestPlainFirst = 3 * InitialRtt;

    // RFC 9002, 6.1.2: what timers can tell apart.
    private const long Granularity = 1_000;

    /// <summary>Whether there was a sample.</summary>
    public bool HasSample { get; private set; }

    /// <summary>The newest sample, as measured.</summary>
    public long Latest { get; private set; }

    /// <summary>The smoothed time.</summary>
    public long Smoothed { get; private set; } = InitialRtt;

    /// <summary>Its mean deviation.</summary>
    public long Variation { get; private set; } = InitialRtt / 2;

    /// <summary>The shortest sample; 0 before the first.</summary>
    public long Shortest { get; private set; }

    /// <summary>How long to wait for an acknowledgement, without the peer's delay (RFC 9002, 6.2.1).</summary>
    public long ProbeTimeout => Smoothed + Math.Max(4 * Variation, Granularity);

    /// <summary>How long packets may be late beside others before they count as lost (RFC 9002, 6.1.2).</summary>
    /// <param name="eighths">The patience in eighths of the round trip; the RFC's is 9.</param>
    public long LossDelay(int eighths) => Math.Max(eighths * Math.Max(Latest, Smoothed) / 8, Granularity);

    /// <summary>Takes a sample.</summary>
    /// <param name="rtt">The time from the packet to its acknowledgement.</param>
    /// <param name="ackDelay">How long the peer says it waited; at most what it said it would once the handshake is
    /// confirmed.</param>
    public void Add(long rtt, long ackDelay)
    {
        Latest = rtt;
        if (!HasSample)
        {
            // RFC 9002, 5.3 takes the first sample as it is. If all acknowledgements before were lost, that may be many times the round
            // trip, and every timeout of a long time after would follow it. The peer says how long ago it could have answered; no such
            // word makes the first timeout shorter than it was without a sample.
            HasSample = true;
            Shortest = rtt;
            Smoothed = rtt <= LongestPlainFirst ? rtt : Math.Max(rtt - Math.Min(ackDelay, rtt), InitialRtt);
            Latest = Smoothed;
            Variation = Smoothed / 2;
            return;
        }

        Shortest = Math.Min(Shortest, rtt);
        long adjusted = rtt >= Shortest + ackDelay ? rtt - ackDelay : rtt;
        Variation = ((3 * Variation) + Math.Abs(Smoothed - adjusted)) / 4;
        Smoothed = ((7 * Smoothed) + adjusted) / 8;
    }

    /// <summary>The path is another one: what was measured says nothing of it (RFC 9000, 9.4).</summary>
    public void Reset()
    {
        HasSample = false;
        Latest = 0;
        Shortest = 0;
        Smoothed = InitialRtt;
        Variation = InitialRtt / 2;
    }
}
