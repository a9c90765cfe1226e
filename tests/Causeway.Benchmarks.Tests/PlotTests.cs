using System.Buffers.Binary;
using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Load;
using Causeway.Benchmarks.Plots;

namespace Causeway.Benchmarks.Tests;

public sealed class PlotTests
{
    private static readonly byte[] s_pngSignature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    [Fact]
    public void BarsAreGroupedBySettingWithAMedianForEachProgram()
    {
        BarChart chart = PlotCommand.OverSettings(
            [
                Throughput("aes", "0+0", "ours", 10), Throughput("aes", "0+0", "ours", 30), Throughput("aes", "0+0", "ours", 20),
                Throughput("aes", "0+0", "theirs", 4),
                Throughput("aes", "10+3", "ours", 9),
                Throughput("none", "0+0", "ours", 1, direction: "up"),
            ],
            "title", Metrics.Throughput, "Mbit/s");

        Assert.Equal(["aes", "aes\nFEC 10+3"], chart.Groups);
        Assert.Equal(["ours", "theirs"], chart.Series.Select(static series => series.Name));
        Assert.Equal([20, 9], chart.Series[0].Values);
        Assert.Equal(4, chart.Series[1].Values[0]);
        Assert.True(double.IsNaN(chart.Series[1].Values[1]), "a program that was not measured has a bar");
    }

    [Fact]
    public void ChartsBecomePngFilesOfTheSameSize()
    {
        IChart[] charts =
        [
            new BarChart("a < b", "y", ["one", "two"], [new BarSeries("ours", [1, double.NaN])]),
            new LineChart("a < b", "x", "y", [new ChartSeries("ours", [new(0, 0), new(5, 900)])]),
        ];
        foreach (IChart chart in charts)
        {
            byte[] png = chart.ToPng();
            Assert.Equal(s_pngSignature, png[..8]);
            Assert.Equal(ChartStyle.Width * ChartStyle.Scale, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)));
            Assert.Equal(ChartStyle.Height * ChartStyle.Scale, BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
        }
    }

    private static Measurement Throughput(string crypt, string fec, string program, double value, string direction = "down") => new(
        Scenario.Of(ThroughputMeasure.Name, ("crypt", crypt), ("fec", fec), ("dir", direction), ("streams", 1)),
        program, 0, Metrics.Throughput, value);
}
