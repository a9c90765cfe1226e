using System.Globalization;
using System.Text;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>What a <see cref="FaultPlan"/> does to the two directions at a time to come. What is null stays as it is.</summary>
public sealed record PlannedChange
{
    /// <summary>When, counted from the connection of the two endpoints.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>Whether both directions are down from then on.</summary>
    public bool? Blackout { get; init; }

    /// <summary>What the forward direction does from then on: a path change.</summary>
    public FaultModelOptions? Forward { get; init; }

    /// <summary>What the backward direction does from then on.</summary>
    public FaultModelOptions? Backward { get; init; }

    /// <summary>Whether a NAT gives the first endpoint another address.</summary>
    public bool Rebind { get; init; }

    /// <summary>How far the first endpoint's clock leaps.</summary>
    public TimeSpan ClockJump { get; init; }

    /// <inheritdoc/>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"at {At.TotalSeconds:0.###} s");
        text.Append(Blackout switch { true => " blackout", false => " light again", null => "" });
        text.Append(Forward is null && Backward is null ? "" : " path change");
        text.Append(Forward is null ? "" : $" forward [{FaultPlan.Describe(Forward)}]");
        text.Append(Backward is null ? "" : $" backward [{FaultPlan.Describe(Backward)}]");
        text.Append(Rebind ? " rebinding" : "");
        text.Append(ClockJump == TimeSpan.Zero ? "" : $" clock leaps {ClockJump}");
        return text.ToString();
    }

    internal void Apply(SimulatedPath forward, SimulatedPath backward)
    {
        Apply(forward.Link, backward.Link);
        if (Rebind)
        {
            forward.From.Rebind();
        }

        if (ClockJump > TimeSpan.Zero)
        {
            forward.From.JumpClock(ClockJump);
        }
    }

    internal void Apply(FaultModel forward, FaultModel backward)
    {
        forward.Options = Forward ?? forward.Options;
        backward.Options = Backward ?? backward.Options;
        forward.Blackout = Blackout ?? forward.Blackout;
        backward.Blackout = Blackout ?? backward.Blackout;
    }
}
