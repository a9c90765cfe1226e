namespace Causeway.Protocol.Recovery;

/// <summary>The share of segments that the path lost lately, from what became of each of them.</summary>
internal sealed class LossMeter
{
    // The mean of the last few hundred segments: enough to tell half a percent from none. The first ones weigh more, so that
    // a session's first loss counts for what it is, among so few.
    private const int Most = 256;
    private const int Least = 32;

    private int _weighed = Least;

    /// <summary>From 0 to 1.</summary>
    public double Rate { get; private set; }

    /// <summary>The fate of one segment's first transmission is known.</summary>
    public void Add(bool wasLost)
    {
        Rate += ((wasLost ? 1 : 0) - Rate) / _weighed;
        _weighed = Math.Min(_weighed + 1, Most);
    }
}
