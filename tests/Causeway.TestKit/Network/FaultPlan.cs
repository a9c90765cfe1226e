using System.Globalization;
using System.Text;
using Causeway.Testing;

namespace Causeway.TestKit;

/// <summary>Everything that a network between two endpoints will do to them: enough to repeat a run.</summary>
public sealed record FaultPlan
{
    /// <summary>What reports call it.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of every random decision.</summary>
    public ulong Seed { get; init; }

    /// <summary>Faults from the first endpoint to the second.</summary>
    public FaultModelOptions Forward { get; init; } = new();

    /// <summary>Faults from the second endpoint to the first.</summary>
    public FaultModelOptions Backward { get; init; } = new();

    /// <summary>What changes on the way, in any order.</summary>
    public IReadOnlyList<PlannedChange> Changes { get; init; } = [];

    /// <summary>Whether it ever changes bits: endpoints then need a checksum or a cipher to recover.</summary>
    public bool Corrupts
    {
        get
        {
            bool corrupts = Forward.Corrupt > 0 || Backward.Corrupt > 0;
            foreach (PlannedChange change in Changes)
            {
                corrupts |= change.Forward is { Corrupt: > 0 } || change.Backward is { Corrupt: > 0 };
            }

            return corrupts;
        }
    }

    /// <summary>The plan in one line, for reports and test names.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Name} (seed 0x{Seed:X}): ");
        string forward = Describe(Forward);
        string backward = Describe(Backward);
        text.Append(forward == backward ? $"both [{forward}]" : $"forward [{forward}], backward [{backward}]");
        foreach (PlannedChange change in Changes)
        {
            text.Append("; ").Append(change);
        }

        return text.ToString();
    }

    internal static string Describe(FaultModelOptions options)
    {
        StringBuilder text = new();
        Chance(text, "loss", options.Loss);
        if (options.BurstEnter > 0)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"bursts {options.BurstEnter:0.####}/{options.BurstLeave:0.####}/{options.BurstLoss:0.####} ");
        }

        if (options.RateBitsPerSecond > 0)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{options.RateBitsPerSecond / 1e6:0.###} Mbit/s queue {options.EffectiveQueueBytes} ");
        }

        if (options.PolicerBitsPerSecond > 0)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"policer {options.PolicerBitsPerSecond / 1e6:0.###} Mbit/s burst {options.PolicerBurstBytes} ");
        }

        text.Append(CultureInfo.InvariantCulture, $"delay {options.Delay.TotalMilliseconds:0.###} ms ");
        if (options.Jitter > TimeSpan.Zero)
        {
            text.Append(CultureInfo.InvariantCulture, $"jitter {options.Jitter.TotalMilliseconds:0.###} ms ");
            text.Append(options.KeepOrder ? "in order " : "");
        }

        Chance(text, "reorder", options.Reorder);
        if (options.Reorder > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"by {options.ReorderGap.TotalMilliseconds:0.###} ms ");
        }

        Chance(text, "duplicate", options.Duplicate);
        Chance(text, "corrupt", options.Corrupt);
        return text.ToString(0, text.Length - 1);
    }

    private static void Chance(StringBuilder text, string name, double chance)
    {
        if (chance > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name} {chance:0.##%} ");
        }
    }
}
