namespace Causeway.Hosting;

/// <summary>The listeners that the host runs, by their names: for the port that one was given, and its counters.</summary>
public interface ICausewayListeners
{
    /// <summary>A listener that is up. The host stops and disposes it. With a range of kcptun's ports: that of the first port.</summary>
    /// <exception cref="ArgumentException">No listener has the name.</exception>
    /// <exception cref="InvalidOperationException">The host has not started it, or has stopped it.</exception>
    CausewayListener GetListener(string name);
}
