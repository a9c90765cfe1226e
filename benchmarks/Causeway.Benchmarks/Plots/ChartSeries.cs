namespace Causeway.Benchmarks.Plots;

/// <summary>A point of a line.</summary>
internal readonly record struct ChartPoint(double X, double Y);

/// <summary>A named line.</summary>
internal sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points);

/// <summary>One program's bar in each group, in the order of the groups; NaN where it has none.</summary>
internal sealed record BarSeries(string Name, IReadOnlyList<double> Values);
