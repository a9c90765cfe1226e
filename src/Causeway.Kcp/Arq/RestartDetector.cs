namespace Causeway.Kcp.Arq;

/// <summary>
/// Notices a peer that has forgotten the conversation: its process was restarted, takes what arrives for a new conversation,
/// and may acknowledge it for ever without the stream going on.
/// </summary>
/// <remarks>
/// <para>
/// A peer's cumulative acknowledgement (una) never decreases, but datagrams overtake each other, so that a lower one proves
/// nothing by itself. It does in an acknowledgement that echoes the time of a transmission which left after the higher una had
/// arrived here: the peer wrote it later.
/// </para>
/// <para>
/// Where the peer acknowledges nothing, because what is under way lies beyond the window of its new conversation, an empty
/// segment with the very number that it expects asks for such an echo. To a peer that has not forgotten it is a duplicate, which
/// it acknowledges too, with its true una.
/// </para>
/// </remarks>
internal sealed class RestartDetector
{
    // Datagrams that were overtaken are followed by current ones at once, which end the suspicion for nothing.
    private const long LeastWait = 20_000;
    private const long MostWait = 300_000;
    private const int MostChallenges = 20;

    // Never while there is nothing that a peer could forget.
    private Timestamp _advancedAt = Timestamp.Never;
    private bool _hasChallenged;
    private uint _challengeTime;
    private int _challenges;

    /// <summary>When to send a challenge; Never while nothing is suspected.</summary>
    public Timestamp ChallengeAt { get; private set; } = Timestamp.Never;

    /// <summary>The sequence number that a challenge bears: the una that is too low.</summary>
    public uint ChallengeSequence { get; private set; }

    /// <summary>The peer's una grew.</summary>
    public void OnAdvanced(Timestamp now) => _advancedAt = now;

    /// <summary>This side did not run for so long; the times of what it sent are moved too.</summary>
    public void Shift(long microseconds) => _advancedAt = _advancedAt.AddMicroseconds(microseconds);

    /// <summary>A segment with a una at least as high as any before arrived.</summary>
    public void OnCurrent()
    {
        ChallengeAt = Timestamp.Never;
        _hasChallenged = false;
        _challenges = 0;
    }

    /// <summary>A segment with a una below an earlier one arrived.</summary>
    /// <param name="unacknowledged">The una.</param>
    /// <param name="smoothedRtt">In microseconds.</param>
    /// <param name="now">The time.</param>
    public void OnRegress(uint unacknowledged, long smoothedRtt, Timestamp now)
    {
        if (!_advancedAt.IsNever && ChallengeAt.IsNever && _challenges < MostChallenges)
        {
            ChallengeAt = now.AddMicroseconds(Math.Clamp(smoothedRtt, LeastWait, MostWait));
            ChallengeSequence = unacknowledged;
        }
    }

    /// <summary>A challenge left.</summary>
    /// <param name="time">Its time on the wire.</param>
    /// <param name="smoothedRtt">In microseconds.</param>
    /// <param name="now">The time.</param>
    public void OnChallenged(uint time, long smoothedRtt, Timestamp now)
    {
        // It left after the higher una had arrived here, or there would be no suspicion.
        _hasChallenged = true;
        _challengeTime = time;
        _challenges++;
        ChallengeAt = _challenges < MostChallenges
            ? now.AddMicroseconds(Math.Max(2 * smoothedRtt, MostWait))
            : Timestamp.Never;
    }

    /// <summary>Whether an acknowledgement, whose una is too low, answers a challenge.</summary>
    public bool IsAnswer(uint sequence, uint time) =>
        _hasChallenged && sequence == ChallengeSequence && time == _challengeTime;

    /// <summary>Whether an acknowledgement, whose una is too low, can only have been written after a higher one.</summary>
    /// <param name="segment">The segment that it acknowledges.</param>
    /// <param name="time">The time that it echoes.</param>
    public bool IsProof(SendSegment segment, uint time) => time == segment.SentTicks && segment.SentAt > _advancedAt;
}
