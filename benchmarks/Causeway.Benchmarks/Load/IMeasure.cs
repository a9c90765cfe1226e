using Causeway.Benchmarks.Harness;

namespace Causeway.Benchmarks.Load;

/// <summary>Something to measure on a tunnel that was just started and works.</summary>
internal interface IMeasure
{
    /// <summary>Its name and own settings, followed by those of the tunnel.</summary>
    Scenario Describe(params ReadOnlySpan<(string Key, object Value)> tunnel);

    /// <summary>Connections that the target has to serve at a time.</summary>
    int Connections { get; }

    /// <summary>More arguments for the client.</summary>
    string[] ClientArguments { get; }

    /// <summary>Measures once.</summary>
    /// <exception cref="MeasureException">The tunnel did not do what was asked of it.</exception>
    IReadOnlyList<(string Metric, double Value)> Run(RunningTunnel tunnel, TcpTarget target);
}

/// <summary>A tunnel did not do what was asked of it, so that there is nothing to measure.</summary>
internal sealed class MeasureException(string message) : Exception(message);
