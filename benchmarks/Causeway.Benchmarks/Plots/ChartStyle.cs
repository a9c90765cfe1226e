using ScottPlot;
using ScottPlot.TickGenerators;

namespace Causeway.Benchmarks.Plots;

/// <summary>What all pictures have in common.</summary>
internal static class ChartStyle
{
    public const int Width = 760;
    public const int Height = 440;

    /// <summary>Pixels of the file for each unit of the layout, so that text is sharp on dense screens.</summary>
    public const double Scale = 2;

    // Where it is missing, the system's own takes its place.
    private const string Font = "DejaVu Sans";

    // Okabe and Ito (2008): told apart by everybody. Lines differ in the shape of their marks as well.
    private static readonly string[] s_colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

    private static readonly MarkerShape[] s_marks =
    [
        MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledTriangleUp,
        MarkerShape.FilledDiamond, MarkerShape.FilledTriangleDown, MarkerShape.OpenCircle,
    ];

    public static Color ColorOf(int series) => Color.FromHex(s_colors[series % s_colors.Length]);

    public static MarkerShape MarkOf(int series) => s_marks[series % s_marks.Length];

    /// <summary>A plot with its title and axes, without data.</summary>
    public static Plot NewPlot(string title, string xTitle, string yTitle)
    {
        Plot plot = new() { ScaleFactor = Scale };
        plot.Title(title, 15);
        plot.XLabel(xTitle, 13);
        plot.YLabel(yTitle, 13);
        foreach (IAxis axis in (ReadOnlySpan<IAxis>)[plot.Axes.Bottom, plot.Axes.Left])
        {
            axis.Label.Bold = false;
            axis.MinorTickStyle.Length = 0;
            axis.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };
        }

        plot.Font.Set(Font);
        plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Axes.Right.FrameLineStyle.IsVisible = false;
        plot.Grid.XAxisStyle.IsVisible = false;
        return plot;
    }

    public static byte[] ToPng(Plot plot) =>
        plot.GetImageBytes((int)(Width * Scale), (int)(Height * Scale), ImageFormat.Png);

    /// <summary>Puts the names of the series under the plot, where they cover no data.</summary>
    public static void AddLegend(Plot plot)
    {
        plot.Legend.Orientation = Orientation.Horizontal;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.ShowLegend(Edge.Bottom);
    }
}
