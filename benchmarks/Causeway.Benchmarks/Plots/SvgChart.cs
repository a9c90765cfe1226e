using System.Globalization;
using System.Text;

namespace Causeway.Benchmarks.Plots;

/// <summary>A point, with a label beside it if there is one.</summary>
internal readonly record struct ChartPoint(double X, double Y, string Label = "");

/// <summary>A named set of points.</summary>
internal sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points);

/// <summary>
/// A chart of a few series with linear axes from 0, as SVG text that is the same for the same data. Series differ in shape as
/// well as in colour.
/// </summary>
internal sealed record SvgChart(string Title, string XTitle, string YTitle, IReadOnlyList<ChartSeries> Series)
{
    private const double Width = 720;
    private const double Height = 420;
    private const double Left = 72;
    private const double Right = 24;
    private const double Top = 72;
    private const double Bottom = 60;
    private const int WantedTicks = 6;

    // Okabe and Ito (2008): told apart by everybody.
    private static readonly string[] s_colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

    /// <summary>Whether the points of a series are joined.</summary>
    public bool Lines { get; init; } = true;

    public string ToSvg()
    {
        double xStep = TickStep(Series.SelectMany(static series => series.Points).Select(static point => point.X));
        double yStep = TickStep(Series.SelectMany(static series => series.Points).Select(static point => point.Y));
        double xMax = AxisEnd(static point => point.X, xStep);
        double yMax = AxisEnd(static point => point.Y, yStep);
        StringBuilder svg = new();
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" width="{Width}" height="{Height}" """
            + """font-family="system-ui, sans-serif" font-size="13" fill="#333">""");
        Line($"""<rect width="{Width}" height="{Height}" fill="#fff"/>""");
        Line($"""<text x="{Left}" y="26" font-size="16" font-weight="600">{Escape(Title)}</text>""");
        for (double x = 0; x <= xMax + (xStep / 2); x += xStep)
        {
            Line($"""<text x="{X(x)}" y="{Height - Bottom + 20}" text-anchor="middle">{Number(x)}</text>""");
        }

        for (double y = 0; y <= yMax + (yStep / 2); y += yStep)
        {
            Line($"""<path d="M{Left} {Y(y)}H{Width - Right}" stroke="{(y == 0 ? "#888" : "#e4e4e4")}"/>""");
            Line($"""<text x="{Left - 8}" y="{Y(y)}" dy="4" text-anchor="end">{Number(y)}</text>""");
        }

        Line($"""<text x="{(Left + Width - Right) / 2}" y="{Height - 16}" text-anchor="middle">{Escape(XTitle)}</text>""");
        Line($"""<text transform="translate(20 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">{Escape(YTitle)}</text>""");
        double legend = Left;
        for (int i = 0; i < Series.Count; i++)
        {
            ChartSeries series = Series[i];
            string color = s_colors[i % s_colors.Length];
            if (Lines && series.Points.Count > 1)
            {
                string path = string.Join('L', series.Points.Select(point => $"{X(point.X)} {Y(point.Y)}"));
                Line($"""<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>""");
            }

            foreach (ChartPoint point in series.Points)
            {
                Mark(i, color, X(point.X), Y(point.Y));
                if (point.Label.Length > 0)
                {
                    // To the left of a point in the right half, so that it stays inside.
                    bool leftward = point.X > xMax * 0.8;
                    string place = $"""x="{X(point.X)}" dx="{(leftward ? -9 : 9)}" y="{Y(point.Y)}" dy="4" """;
                    Line($"""<text {place}font-size="12"{(leftward ? " text-anchor=\"end\"" : "")}>{Escape(point.Label)}</text>""");
                }
            }

            Mark(i, color, Text(legend + 6), Text(46));
            Line($"""<text x="{legend + 18}" y="50">{Escape(series.Name)}</text>""");
            legend += 42 + (series.Name.Length * 7.5);
        }

        svg.Append("</svg>\n");
        return svg.ToString();

        // Constants are whole numbers and all others went through Text: no culture shows.
        void Line(string text) => svg.Append(text).Append('\n');

        double AxisEnd(Func<ChartPoint, double> value, double step) =>
            Math.Max(1, Math.Ceiling(Series.SelectMany(static series => series.Points).Select(value).DefaultIfEmpty(0).Max() / step)) * step;

        string X(double value) => Text(Left + (value / xMax * (Width - Left - Right)));

        string Y(double value) => Text(Height - Bottom - (value / yMax * (Height - Top - Bottom)));

        void Mark(int index, string color, string x, string y) => Line((index % 3) switch
        {
            0 => $"""<circle cx="{x}" cy="{y}" r="5" fill="{color}"/>""",
            1 => $"""<rect x="-4.5" y="-4.5" width="9" height="9" transform="translate({x} {y})" fill="{color}"/>""",
            _ => $"""<path d="M0 -6L5.5 4.5H-5.5Z" transform="translate({x} {y})" fill="{color}"/>""",
        });
    }

    /// <summary>Text as it may stand between tags and in attributes.</summary>
    internal static string Escape(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&quot;", StringComparison.Ordinal);

    /// <summary>The distance of ticks: 1, 2 or 5 times a power of ten, so that there are about six.</summary>
    internal static double TickStep(IEnumerable<double> values)
    {
        double rough = Math.Max(values.DefaultIfEmpty(1).Max(), 1e-6) / WantedTicks;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return power * (rough / power) switch
        {
            <= 1 => 1,
            <= 2 => 2,
            <= 5 => 5,
            _ => 10,
        };
    }

    private static string Text(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("#,0.######", CultureInfo.InvariantCulture).Replace(',', ' ');
}
