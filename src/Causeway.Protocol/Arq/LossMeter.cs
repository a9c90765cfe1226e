namespace Causeway.Protocol.Arq;

/// <summary>The share of segments that the path lost lately, from what became of each of them.</summary>
internal sealed class LossMeter
{
    // The mean of the last few hundred segments: enough to tell half a percent from none.
    private const double Weight = 1.0 / 256;

    /// <summary>From 0 to 1.</summary>
    public double Rate { get; private set; }

    /// <summary>The fate of one segment's first transmission is known.</summary>
    public void Add(bool wasLost) => Rate += ((wasLost ? 1 : 0) - Rate) * Weight;
}
