namespace Causeway.Protocol.Recovery;

/// <summary>
/// While something waits for an answer and nothing at all arrives, asks for a sign of life more often than the
/// retransmission timer, whose waits double, sends data again: after an outage a stream goes on a round trip and some 300 ms
/// after the path came back. The question is one datagram of a few bytes that every peer answers (KCP: a window
/// probe; QUIC: a PING) and that touches neither loss recovery nor congestion control nor the count of attempts by which a link is judged.
/// </summary>
internal sealed class SilenceProbe
{
    // Question, answer, and then the data itself: half a round trip more than the answer to data would take.
    private const long Longest = 300_000;
    private const long Shortest = 150_000;

    // On long paths so many questions are under way at a time.
    private const int QuestionsPerRoundTrip = 2;

    // What lasts longer than outages that end is asked about in proportion: an hour's silence a few times a minute.
    private const int PartsOfSilence = 160;

    private Timestamp _sentAt;

    /// <summary>Whether it has asked and nothing has arrived since.</summary>
    public bool IsOutstanding { get; private set; }

    /// <summary>When to ask. Never on paths that are unknown.</summary>
    /// <param name="waitingSince">Since when something waits and nothing arrives; Never if nothing waits.</param>
    /// <param name="shortestRtt">In microseconds, without queues; 0 before the first sample.</param>
    /// <param name="rto">The retransmission timeout without back-off, in microseconds.</param>
    public Timestamp DueAt(Timestamp waitingSince, long shortestRtt, long rto)
    {
        if (waitingSince.IsNever || shortestRtt <= 0)
        {
            return Timestamp.Never;
        }

        long interval = Math.Max(Math.Max(Shortest, Longest - (shortestRtt / 2)), shortestRtt / QuestionsPerRoundTrip);
        return IsOutstanding
            ? _sentAt.AddMicroseconds(Math.Max(interval, _sentAt.MicrosecondsSince(waitingSince) / PartsOfSilence))
            : waitingSince.AddMicroseconds(Math.Max(2 * interval, rto));
    }

    /// <summary>A question left.</summary>
    public void OnSent(Timestamp now)
    {
        IsOutstanding = true;
        _sentAt = now;
    }

    /// <summary>Something arrived.</summary>
    public void OnHeard() => IsOutstanding = false;

    /// <summary>This side did not run for so long.</summary>
    public void Shift(long microseconds) => _sentAt = _sentAt.AddMicroseconds(microseconds);
}
