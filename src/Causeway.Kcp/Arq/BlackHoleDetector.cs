namespace Causeway.Kcp.Arq;

/// <summary>
/// Notices a path that swallows long datagrams without a word while short ones pass (RFC 8899 section 4.3): the oldest segment
/// is sent again and again, the peer answers to shorter things that left later, and nothing as long as that segment was
/// acknowledged since.
/// </summary>
/// <remarks>
/// KCP cannot cut a segment that has its number: the numbers behind it are taken. So there is nothing to repair here, only to
/// tell, and a new session with shorter datagrams may work.
/// </remarks>
internal sealed class BlackHoleDetector
{
    // Loss by chance that hits one long segment so often, and no short one, is once in a million sessions at 10 %.
    private const int LeastTransmissions = 6;
    private const int LeastAnswers = 2;
    private const int SuspectTransmissions = LeastTransmissions - LeastAnswers;
    private const long LeastMicroseconds = 5_000_000;
    private const long SuspectMicroseconds = 2_000_000;

    // Shorter datagrams pass everywhere (RFC 1122 section 3.3.3 asks for 576 bytes with headers), and are lost for other reasons.
    private const int ShortestSuspect = 512;

    private uint _sequence;
    private int _longestPassed;
    private int _answers;
    private int _askedAt;

    /// <summary>Something that left after the oldest segment, and is that long, has reached the peer.</summary>
    /// <param name="length">Bytes of its payload.</param>
    /// <param name="transmissions">How often the oldest segment has left by now: answers of an earlier time prove nothing.</param>
    public void OnPassed(int length, int transmissions)
    {
        _longestPassed = Math.Max(_longestPassed, length);
        _answers += transmissions >= SuspectTransmissions ? 1 : 0;
    }

    /// <summary>
    /// Whether to ask the peer for an answer in a datagram of its own, which is short: once after each transmission that
    /// supports the suspicion, since behind long segments there may be nothing short that could be acknowledged.
    /// </summary>
    public bool ShouldAsk(SendSegment oldest, Timestamp now) => oldest.Sequence == _sequence
        && oldest.Transmissions >= SuspectTransmissions && oldest.Transmissions > _askedAt && IsSuspect(oldest)
        && now.MicrosecondsSince(oldest.FirstSentAt) >= SuspectMicroseconds;

    /// <summary>That question has left.</summary>
    public void OnAsked(SendSegment oldest) => _askedAt = oldest.Transmissions;

    /// <summary>Whether the oldest segment that was not acknowledged is too long for the path.</summary>
    public bool Check(SendSegment oldest, Timestamp now)
    {
        if (oldest.Sequence != _sequence)
        {
            // What passed before, passed before the path may have changed.
            _sequence = oldest.Sequence;
            _longestPassed = 0;
            _answers = 0;
            _askedAt = 0;
            return false;
        }

        return oldest.Transmissions >= LeastTransmissions
            && IsSuspect(oldest)
            && _answers >= LeastAnswers
            && now.MicrosecondsSince(oldest.FirstSentAt) >= LeastMicroseconds;
    }

    private bool IsSuspect(SendSegment oldest) => oldest.Length >= ShortestSuspect && _longestPassed < oldest.Length;
}
