namespace Causeway.Protocol.Recovery.Congestion;

/// <summary>Settings of a <see cref="BbrController"/>.</summary>
public sealed record BbrOptions
{
    /// <summary>
    /// Whether losses that the path shows without any load of ours count as its nature rather than as congestion. Default
    /// on. Off is the draft to the letter, which takes every loss for congestion and gives most of a path away that loses
    /// more than two percent at random.
    /// </summary>
    public bool ToleratesRandomLoss { get; init; } = true;
}
