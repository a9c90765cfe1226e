using System.Xml.Linq;
using Causeway.Benchmarks.Plots;

namespace Causeway.Benchmarks.Tests;

public sealed class SvgChartTests
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void TextIsEscapedAndTheSameForTheSameData()
    {
        SvgChart chart = Chart("a < b & \"c\"");
        Assert.Equal(chart.ToSvg(), Chart("a < b & \"c\"").ToSvg());
        XElement root = XElement.Parse(chart.ToSvg());
        Assert.Contains(root.Elements(s_svg + "text"), static text => text.Value == "a < b & \"c\"");
    }

    [Fact]
    public void EveryPointIsInsideTheFrame()
    {
        XElement root = XElement.Parse(Chart("title").ToSvg());
        (double X, double Y)[] circles = [.. root.Elements(s_svg + "circle").Select(static c => ((double)c.Attribute("cx")!, (double)c.Attribute("cy")!))];

        // Three points and the legend.
        Assert.Equal(4, circles.Length);
        Assert.All(circles, static circle => Assert.True(circle.X is >= 0 and <= 720 && circle.Y is >= 0 and <= 420));
        Assert.True(circles[1].Y < circles[0].Y, "more is not higher");
    }

    [Theory]
    [InlineData(10, 2)]
    [InlineData(5.9, 1)]
    [InlineData(2600, 500)]
    [InlineData(0.3, 0.05)]
    [InlineData(0, 2e-7)]
    public void TicksAreRoundNumbers(double most, double step) => Assert.Equal(step, SvgChart.TickStep([most]), 9);

    private static SvgChart Chart(string title) => new(
        title, "x", "y", [new ChartSeries("one", [new(0, 0), new(5, 900, "label"), new(10, 450)])]);
}
