using ScottPlot;
using ScottPlot.Plottables;

namespace Causeway.Benchmarks.Plots;

/// <summary>Lines over linear axes that begin at 0.</summary>
internal sealed record LineChart(string Title, string XTitle, string YTitle, IReadOnlyList<ChartSeries> Series) : IChart
{
    // Room above the highest point and behind the last, and for the marks of points at 0.
    private const double Margin = 1.03;
    private const double MarkRoom = 0.01;

    public bool IsEmpty => Series.Count == 0;

    public byte[] ToPng() => ChartStyle.ToPng(Draw());

    private Plot Draw()
    {
        Plot plot = ChartStyle.NewPlot(Title, XTitle, YTitle);
        double right = 0;
        double top = 0;
        for (int i = 0; i < Series.Count; i++)
        {
            double[] xs = [.. Series[i].Points.Select(static point => point.X)];
            double[] ys = [.. Series[i].Points.Select(static point => point.Y)];
            Scatter line = plot.Add.Scatter(xs, ys, ChartStyle.ColorOf(i));
            line.LegendText = Series[i].Name;
            line.LineWidth = 2;
            line.MarkerShape = ChartStyle.MarkOf(i);
            line.MarkerSize = 7;
            right = Math.Max(right, xs.DefaultIfEmpty(0).Max());
            top = Math.Max(top, ys.DefaultIfEmpty(0).Max());
        }

        ChartStyle.AddLegend(plot);
        right = Math.Max(right, 1);
        top = Math.Max(top, 1);
        plot.Axes.SetLimits(-right * MarkRoom, right * Margin, -top * MarkRoom, top * Margin);
        return plot;
    }
}
