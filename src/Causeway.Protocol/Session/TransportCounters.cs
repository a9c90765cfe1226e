namespace Causeway.Protocol;

/// <summary>
/// An engine's own counters, summed over several sessions; each engine derives its type. See
/// <see cref="TransportStatistics.AddTo"/>.
/// </summary>
public abstract record TransportCounters
{
    private protected TransportCounters()
    {
    }
}
