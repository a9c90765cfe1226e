namespace Causeway.Kcp.Arq;

/// <summary>
/// Sends the segments of a thin stream twice where the path loses data. A stream of small messages with pauses between
/// them has nothing behind a lost segment that would reveal the loss, so that it costs a round trip and more; a second
/// copy a moment later, which outlives short bursts of loss, costs a few bytes of a stream that has few. Legal towards
/// any peer (docs/wire/kcptun.md 5.9), which drops the one that comes second.
/// </summary>
internal sealed class ThinStreamCopies
{
    /// <summary>A stream with more in flight is not thin: later acknowledgements find its losses.</summary>
    public const int MostInFlight = 8;

    private const int MostCopies = 2;
    private const double LeastLoss = 0.005;
    private const long LeastDelay = 1_000;
    private const long MostDelay = 10_000;

    // Beyond the round trip, which has the time in it that a peer waits for an answer to acknowledge with.
    private const long LeastMargin = 250;

    // Thin also by rate: what copies may cost, whatever the size of the messages.
    private const long BytesPerSecond = 32 << 10;
    private const long Burst = 8 << 10;

    private long _tokens = Burst;
    private Timestamp _refilledAt;

    /// <summary>
    /// When a segment goes again: soon after its first transmission, and once more when that one's acknowledgement fails to
    /// come, without waiting for the copy's.
    /// </summary>
    /// <param name="segment">The segment.</param>
    /// <param name="loss">What the path loses, from 0 to 1.</param>
    /// <param name="smoothedRtt">In microseconds.</param>
    /// <param name="variance">Of the round-trip time, in microseconds.</param>
    public Timestamp DueAt(SendSegment segment, double loss, long smoothedRtt, long variance)
    {
        if (loss < LeastLoss || segment.Transmissions > MostCopies || segment.Length > _tokens + Refill(segment.SentAt))
        {
            return Timestamp.Never;
        }

        return segment.FirstSentAt.AddMicroseconds(segment.Transmissions == 1
            ? Math.Clamp(smoothedRtt / 8, LeastDelay, MostDelay)
            : smoothedRtt + Math.Max(2 * variance, LeastMargin));
    }

    /// <summary>A copy left.</summary>
    public void OnSent(int bytes, Timestamp now)
    {
        _tokens += Refill(now) - bytes;
        _refilledAt = now;
    }

    private long Refill(Timestamp now)
    {
        long elapsed = Math.Clamp(now.MicrosecondsSince(_refilledAt), 0, 1_000_000);
        return Math.Min(Burst - _tokens, elapsed * BytesPerSecond / 1_000_000);
    }
}
