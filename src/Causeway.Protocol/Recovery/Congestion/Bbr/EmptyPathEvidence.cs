namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>
/// Whether the smallest round-trip time that was seen is that of the empty path, or of a queue that others keep full and that
/// this flow never saw otherwise.
/// </summary>
/// <remarks>
/// A flow that joins a full queue measures its delay as part of the path. What the full queue drops then looks like what a path
/// loses by nature: it comes at what passes for the smallest round-trip time. Two things tell them apart. A queue that is
/// always full has no longer round-trip times, while a flow that was alone has seen its own queue, at the latest when start-up
/// overfilled it. Or else the flow sends half as much for a while: an empty path then shows what it showed before.
/// </remarks>
internal struct EmptyPathEvidence
{
    // A path lets so much variation of its round-trip time pass as nothing.
    private const long NoiseMicroseconds = 1000;

    // A quarter more is a queue. Within a thirty-second, it is the same.
    private const int QueueShare = 4;
    private const int SameShare = 32;

    private long _longest;
    private long _believed;
    private long _leastInPause;
    private bool _wasConfirmed;

    /// <summary>Whether there is evidence that this is how long an empty path takes.</summary>
    public readonly bool Supports(long minRtt) =>
        _wasConfirmed || _longest >= minRtt + (minRtt / QueueShare) + NoiseMicroseconds;

    /// <summary>Takes in the mean round-trip time of a round.</summary>
    public void AddRound(long meanRtt) => _longest = Math.Max(_longest, meanRtt);

    /// <summary>The flow has come down to half of what the path holds.</summary>
    public void BeginPause(long minRtt)
    {
        _believed = minRtt;
        _leastInPause = long.MaxValue;
    }

    /// <summary>Takes in a sample; only those of a pause count.</summary>
    public void AddSample(long rtt) => _leastInPause = Math.Min(_leastInPause, rtt);

    /// <summary>The pause is over.</summary>
    public void EndPause() =>
        _wasConfirmed |= Math.Abs(_leastInPause - _believed) <= (_believed / SameShare) + NoiseMicroseconds;
}
