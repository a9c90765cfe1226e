namespace Causeway.Quic.Paths;

/// <summary>
/// How many answers without a session may leave: so many in a second, and no more saved up than one second gives. A mutable struct.
/// </summary>
internal struct AnswerBudget(int perSecond)
{
    private const long Second = 1_000_000;

    // In answers times microseconds, so that no fraction is lost.
    private long _left = perSecond * Second;
    private Timestamp _filledAt;

    /// <summary>Takes one out, if there is one.</summary>
    public bool TryTake(Timestamp now)
    {
        long elapsed = Math.Clamp(now.MicrosecondsSince(_filledAt), 0, Second);
        _filledAt = Timestamp.Max(now, _filledAt);
        _left = Math.Min(_left + (elapsed * perSecond), perSecond * Second);
        if (_left < Second)
        {
            return false;
        }

        _left -= Second;
        return true;
    }
}
