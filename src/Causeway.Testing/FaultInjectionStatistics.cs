
namespace Causeway.Testing;

/// <summary>What a <see cref="FaultInjectionLink"/> did in one direction.</summary>
public readonly record struct FaultInjectionStatistics
{
    /// <summary>What was decided about the datagrams.</summary>
    public FaultStatistics Faults { get; init; }

    /// <summary>Copies that left at the other end, second ones included.</summary>
    public long Delivered { get; init; }

    /// <summary>
    /// Copies dropped because <see cref="FaultInjectionOptions.MaxHeldDatagrams"/> were held, or too large for the
    /// pool.
    /// </summary>
    public long Overflowed { get; init; }

    /// <summary>Copies that are delayed at this moment.</summary>
    public int Held { get; init; }
}
