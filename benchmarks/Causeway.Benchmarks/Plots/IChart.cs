namespace Causeway.Benchmarks.Plots;

/// <summary>A picture of measurements.</summary>
internal interface IChart
{
    /// <summary>Whether there is nothing to draw.</summary>
    bool IsEmpty { get; }

    /// <summary>The picture as a PNG file.</summary>
    byte[] ToPng();
}
