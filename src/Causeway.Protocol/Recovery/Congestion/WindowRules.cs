namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>What the controllers have in common that are driven by losses.</summary>
internal static class WindowRules
{
    private const int InitialSegments = 10;
    private const int MinimumSegments = 2;
    private const double SlowStartPacingGain = 2;
    private const double PacingGain = 1.25;
    private const double MicrosecondsPerSecond = 1e6;

    /// <summary>The window at the start in bytes: ten segments (RFC 6928 section 2, RFC 9002 section 7.2).</summary>
    public static long Initial(int segmentSize) => (long)InitialSegments * segmentSize;

    /// <summary>
    /// The least window in bytes: two segments (RFC 9002 section 7.2). It is also the loss window, which RFC 5681
    /// section 3.1 puts at one: of two, the second shows by its acknowledgement that the first was lost, without another
    /// timeout.
    /// </summary>
    public static long Minimum(int segmentSize) => (long)MinimumSegments * segmentSize;

    /// <summary>A window reduced to a share of it, but not below the least.</summary>
    public static long Reduced(long window, double share, int segmentSize) =>
        Math.Max((long)(window * share), Minimum(segmentSize));

    /// <summary>
    /// The pacing rate in bytes a second (RFC 9002 section 7.7): somewhat more than a window per round trip, so that
    /// pacing does not leave the window unused; twice, while it may double in a round trip. 0 without a round-trip time.
    /// </summary>
    public static long PacingRate(long window, long smoothedRttMicroseconds, bool doubles) =>
        smoothedRttMicroseconds <= 0
            ? 0
            : (long)((doubles ? SlowStartPacingGain : PacingGain) * window * MicrosecondsPerSecond / smoothedRttMicroseconds);
}
