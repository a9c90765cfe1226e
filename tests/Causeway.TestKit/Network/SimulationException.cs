namespace Causeway.TestKit;

/// <summary>
/// A simulation did not reach what it was run for. The message says why, with the seed, the counters and the last events.
/// </summary>
public sealed class SimulationException : Exception
{
    /// <summary>Makes the exception.</summary>
    public SimulationException(string message)
        : base(message)
    {
    }
}
