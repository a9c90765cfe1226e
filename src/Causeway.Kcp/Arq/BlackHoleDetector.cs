namespace Causeway.Kcp.Arq;

/// <summary>
/// Notices a path that swallows long datagrams without a word while short ones pass (RFC 8899 section 4.3): long segments are
/// sent again and again, the peer answers to shorter things that left later, and nothing as long was acknowledged since.
/// </summary>
/// <remarks>
/// KCP cannot cut a segment that has its number: the numbers behind it are taken. So there is nothing to repair here, only to
/// tell, and a new session with shorter datagrams may work.
/// </remarks>
internal sealed class BlackHoleDetector
{
    // Loss by chance that hits long segments so often, and no short one, is once in a million sessions at 10 %.
    private const int LeastRepeats = 6;
    private const int SuspectRepeats = 3;
    private const int LeastAnswers = 3;
    private const long LeastMicroseconds = 5_000_000;
    private const long SuspectMicroseconds = 2_000_000;

    // Shorter datagrams pass everywhere (RFC 1122 section 3.3.3 asks for 576 bytes with headers), and are lost for other reasons.
    private const int ShortestSuspect = 512;

    private uint _sequence;
    private int _longestPassed;
    private int _repeats;
    private int _answers;
    private int _answeredAt;
    private int _askedAt;

    /// <summary>A segment was sent once more.</summary>
    /// <param name="length">Bytes of its payload.</param>
    public void OnRepeated(int length) => _repeats += length >= ShortestSuspect && length > _longestPassed ? 1 : 0;

    /// <summary>
    /// Something that left after the oldest segment has reached the peer. It counts once for each repetition of a long one, which
    /// would have been acknowledged with it: what was answered before, or at the end of an outage, proves nothing.
    /// </summary>
    /// <param name="length">Bytes of its payload.</param>
    public void OnPassed(int length)
    {
        _longestPassed = Math.Max(_longestPassed, length);
        if (_repeats >= SuspectRepeats && _repeats > _answeredAt)
        {
            _answers++;
            _answeredAt = _repeats;
        }
    }

    /// <summary>
    /// Whether to ask the peer for an answer in a datagram of its own, which is short: once after each repetition that supports
    /// the suspicion, since behind long segments there may be nothing short that could be acknowledged.
    /// </summary>
    public bool ShouldAsk(SendSegment oldest, Timestamp now) => oldest.Sequence == _sequence
        && _repeats >= SuspectRepeats && _repeats > _askedAt && IsSuspect(oldest)
        && now.MicrosecondsSince(oldest.FirstSentAt) >= SuspectMicroseconds;

    /// <summary>That question has left.</summary>
    public void OnAsked() => _askedAt = _repeats;

    /// <summary>Whether the oldest segment that was not acknowledged is too long for the path.</summary>
    public bool Check(SendSegment oldest, Timestamp now)
    {
        if (oldest.Sequence != _sequence)
        {
            // What passed before, passed before the path may have changed.
            _sequence = oldest.Sequence;
            _longestPassed = 0;
            _repeats = 0;
            _answers = 0;
            _answeredAt = 0;
            _askedAt = 0;
            return false;
        }

        return _repeats >= LeastRepeats
            && _answers >= LeastAnswers
            && IsSuspect(oldest)
            && now.MicrosecondsSince(oldest.FirstSentAt) >= LeastMicroseconds;
    }

    private bool IsSuspect(SendSegment oldest) =>
        oldest.Transmissions > 1 && oldest.Length >= ShortestSuspect && _longestPassed < oldest.Length;
}
