using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace Causeway.Benchmarks.Plots;

/// <summary>Groups of bars side by side, one bar for each series, with the value above it. The axis begins at 0.</summary>
internal sealed record BarChart(string Title, string YTitle, IReadOnlyList<string> Groups, IReadOnlyList<BarSeries> Series) : IChart
{
    private const double GroupWidth = 0.8;

    // Room for the values above the bars.
    private const double Margin = 1.15;

    public bool IsEmpty => Series.Count == 0;

    public byte[] ToPng() => ChartStyle.ToPng(Draw());

    private Plot Draw()
    {
        Plot plot = ChartStyle.NewPlot(Title, "", YTitle);
        double width = GroupWidth / Math.Max(Series.Count, 1);
        double top = 0;
        for (int i = 0; i < Series.Count; i++)
        {
            List<Bar> bars = [];
            for (int group = 0; group < Groups.Count; group++)
            {
                double value = Series[i].Values[group];
                if (!double.IsNaN(value))
                {
                    bars.Add(new Bar
                    {
                        Position = group + ((i + 0.5) * width) - (GroupWidth / 2),
                        Value = value,
                        Size = width * 0.95,
                        FillColor = ChartStyle.ColorOf(i),
                        LineWidth = 0,
                        ValueLabel = Text(value),
                    });
                    top = Math.Max(top, value);
                }
            }

            BarPlot plotted = plot.Add.Bars(bars);
            plotted.LegendText = Series[i].Name;
            plotted.ValueLabelStyle.FontSize = 12;
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual(
            [.. Groups.Select(static (_, index) => (double)index)], [.. Groups]);
        plot.Axes.Bottom.MajorTickStyle.Length = 0;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 12;
        ChartStyle.AddLegend(plot);
        plot.Axes.SetLimits(-0.5, Groups.Count - 0.5, 0, Math.Max(top, 1) * Margin);
        return plot;
    }

    private static string Text(double value) =>
        value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
