using Causeway.Benchmarks.Harness;
using Causeway.Benchmarks.Report;

namespace Causeway.Benchmarks.Tests;

public sealed class MeasurementTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(50, 3)]
    [InlineData(75, 4)]
    [InlineData(90, 4.6)]
    [InlineData(100, 5)]
    public void PercentilesLieBetweenNearestRanks(double percent, double expected) =>
        Assert.Equal(expected, Samples.Percentile([5, 1, 4, 2, 3], percent), 9);

    [Fact]
    public void MedianOfAnEvenNumberIsTheMiddleOfTwo() => Assert.Equal(2.5, Samples.Median([4, 1, 3, 2]));

    [Fact]
    public void RatiosArePairedRunByRun() => Assert.Equal(2, Samples.PairedRatio([2, 20, 4], [1, 10, 1]));

    [Fact]
    public void FilesGiveBackWhatWasWritten()
    {
        string path = Path.GetTempFileName();
        try
        {
            Measurement[] written =
            [
                new(Scenario.Of("throughput", ("fec", "10+3"), ("loss", 0.5)), "causeway", 0, Metrics.Throughput, 1234.5),
                new(Scenario.Of("throughput", ("fec", "10+3"), ("loss", 0.5)), "kcptun", 1, Metrics.Cpu, 0.25),
            ];
            MeasurementFile.Write(path, written);
            List<Measurement> read = MeasurementFile.Read(path);
            Assert.Equal(written, read);
            Assert.Equal("throughput", read[0].Scenario.Measure);
            Assert.Equal("0.5", read[0].Scenario["loss"]);
            Assert.Equal("", read[0].Scenario["rate"]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void OnlyTheMarkedPartOfAPageChanges()
    {
        const string Page = "# Title\n<!-- a -->\nold\nlines\n<!-- /a -->\nrest\n";
        Assert.Equal("# Title\n<!-- a -->\nnew\n<!-- /a -->\nrest\n", MarkedText.Replace(Page, "a", "new\n"));
        Assert.Throws<UsageException>(() => MarkedText.Replace(Page, "b", "new"));
    }
}
