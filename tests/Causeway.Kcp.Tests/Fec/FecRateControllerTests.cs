using Causeway.Kcp.Fec;
using Causeway.Kcp.Wire;
using Causeway.Protocol;
using Causeway.Protocol.Fec;

namespace Causeway.Kcp.Tests.Fec;

public sealed class FecRateControllerTests
{
    private const uint ReportShards = 64;

    private readonly FecRateController _rate = new(FecOptions.Auto);

    /// <summary>Independent losses: the tail of a Poisson distribution, by hand.</summary>
    [Theory]
    [InlineData(0.0001, 0)]
    [InlineData(0.003, 1)]
    [InlineData(0.01, 2)]
    [InlineData(0.05, 4)]
    [InlineData(0.10, 7)]
    [InlineData(0.50, 10)]
    public void IndependentLossesNeedTheTailOfPoisson(double loss, int parity) =>
        Assert.Equal(parity, LossProfile.Least(20, 10, loss, runLength: 1, tolerable: 0.01));

    [Theory]
    [InlineData(0.05, 1)]
    [InlineData(0.05, 3)]
    [InlineData(0.01, 2)]
    [InlineData(0.02, 6)]
    public void LeastParityIsTheLeastThatKeepsTheTarget(double loss, double runLength)
    {
        const int Groups = 200_000;
        int parity = LossProfile.Least(20, 60, loss, runLength, tolerable: 0.01);
        Assert.InRange(Failures(20 + parity, parity, loss, runLength), 0, 0.012);
        Assert.InRange(Failures(20 + parity - 1, parity - 1, loss, runLength), 0.007, 1);

        static double Failures(int sent, int tolerated, double loss, double runLength)
        {
            Random random = new(17);
            double start = loss / runLength;
            int failed = 0;
            for (int group = 0; group < Groups; group++)
            {
                int lost = 0;
                for (int shard = 0; shard < sent; shard++)
                {
                    if (random.NextDouble() < start)
                    {
                        do
                        {
                            lost++;
                        }
                        while (random.NextDouble() < 1 - (1 / runLength));
                    }
                }

                failed += lost > tolerated ? 1 : 0;
            }

            return (double)failed / Groups;
        }
    }

    [Fact]
    public void ReactsWithinAFewHundredShardsAndComesBackWithPatience()
    {
        Report(shards: 20_000, loss: 0);
        Assert.Equal(0, _rate.ParityShards);
        Report(shards: 768, loss: 0.05);
        Assert.InRange(_rate.ParityShards, 3, 5);
        Report(shards: 448, loss: 0);
        Assert.InRange(_rate.ParityShards, 3, 5);
        Report(shards: 12_000, loss: 0);
        Assert.Equal(0, _rate.ParityShards);
    }

    [Fact]
    public void SingleLossesOnACleanPathSwitchNothingOn()
    {
        for (int i = 0; i < 40; i++)
        {
            Report(shards: 1984, loss: 0);
            _rate.OnReport(new PathReport { Datagrams = ReportShards, Shards = ReportShards, Missing = 1, Runs = 1 });
            Assert.Equal(0, _rate.ParityShards);
        }
    }

    [Fact]
    public void OverheadStaysUnderTheCap()
    {
        FecRateController rate = new(FecOptions.Auto with { MaxOverhead = 0.1 });
        rate.OnReport(new PathReport { Shards = 10_000, Missing = 5_000, Runs = 1_000 });
        Assert.Equal(2, rate.ParityShards);
        FecRateController none = new(FecOptions.Auto with { MaxOverhead = 0.01 });
        none.OnReport(new PathReport { Shards = 10_000, Missing = 5_000, Runs = 1_000 });
        Assert.Equal(0, none.ParityShards);
    }

    [Fact]
    public void WithoutReportsOwnLossesCountForHalfOfTheCapAndTimePassesBeforeLess()
    {
        Timestamp now = Timestamp.FromMilliseconds(5);
        _rate.OnLossRate(0.009, now);
        Assert.Equal(0, _rate.ParityShards);
        _rate.OnLossRate(0.2, now);
        Assert.Equal(3, _rate.ParityShards);
        foreach (int expected in (int[])[3, 2, 1, 0, 0])
        {
            _rate.OnLossRate(0, now);
            Assert.Equal(expected, _rate.ParityShards);
            now = now.AddMicroseconds(2_000_000);
        }

        _rate.OnLossRate(0.2, now);
        _rate.OnReport(new PathReport { Datagrams = 1 });
        _rate.OnLossRate(0.2, now);
        Assert.Equal(0, _rate.ParityShards);
    }

    private void Report(int shards, double loss)
    {
        double owed = 0;
        for (int sent = 0; sent < shards; sent += (int)ReportShards)
        {
            owed += ReportShards * loss;
            uint missing = (uint)owed;
            owed -= missing;
            _rate.OnReport(new PathReport { Datagrams = ReportShards, Shards = ReportShards, Missing = missing, Runs = missing });
        }
    }
}
