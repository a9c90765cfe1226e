namespace Causeway.PortForwarder.Demo;

/// <summary>
/// What a TCP connection with standard congestion control would reach on a link, by the throughput equation of RFC 5348,
/// section 3.1 (Padhye, Firoiu, Towsley, Kurose, "Modeling TCP Throughput", SIGCOMM 1998). Computed, not measured: a
/// kernel's TCP cannot be led through a link inside a process.
/// </summary>
internal static class TcpEquation
{
    private const double SegmentBytes = 1448;

    /// <summary>Bytes a second.</summary>
    /// <param name="loss">The loss event rate, 0 to 1.</param>
    /// <param name="roundTrip">The round-trip time without queues.</param>
    /// <param name="linkRate">The link's rate in bytes a second, an upper bound.</param>
    public static double Throughput(double loss, TimeSpan roundTrip, double linkRate)
    {
        double share = linkRate * SegmentBytes / (SegmentBytes + 52);
        if (loss <= 0 || roundTrip <= TimeSpan.Zero)
        {
            return share;
        }

        // t_RTO = 4 R as the RFC recommends, b = 1: one acknowledgement for each segment.
        double r = roundTrip.TotalSeconds;
        double denominator = (r * Math.Sqrt(2 * loss / 3))
            + (4 * r * 3 * Math.Sqrt(3 * loss / 8) * loss * (1 + (32 * loss * loss)));
        return Math.Min(share, SegmentBytes / denominator);
    }
}
